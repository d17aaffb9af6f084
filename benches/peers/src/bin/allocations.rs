//! Prints the allocations of the second of two equal requests, with an allocator that counts.

use portcullis_peers::prepared::{bare, named};

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let mut case = if args[1] == "bare" { bare(&args[2]) } else { named(&args[2]) };
    case.send();
    println!("{}", allocation_counter::measure(|| case.send()).count_total);
}
