//! How many allocations the second of two like requests makes: a program of its own, whose allocator counts.

use portcullis_peers::asked::{bare, named};

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let mut asked = if args[1] == "bare" { bare(&args[2]) } else { named(&args[2]) };
    asked.once();
    println!("{}", allocation_counter::measure(|| asked.once()).count_total);
}
