//! Tests of the list of networks.

use proptest::prelude::*;

use super::*;

fn parse(networks: &[&str]) -> Result<Networks, ConfigError> {
    Networks::parse(networks, "TrustedProxies::new", Width::Bounded)
}

/// The kind and value of each issue.
fn issues(networks: &[&str]) -> Vec<(IssueKind, Option<String>)> {
    let Err(error) = parse(networks) else { return Vec::new() };
    error.issues().iter().map(|issue| (issue.kind(), issue.value().map(str::to_owned))).collect()
}

#[test]
fn every_invalid_network_is_reported() {
    let invalid = ["10.0.0.0/33", "proxy.local", "", "unix", "unix:/run/app.sock", "*", "::10.0.0.1", "::10.0.0.0/104"];
    let mut networks = vec!["10.0.0.0/8", "unix:"];
    networks.extend(invalid);
    assert_eq!(issues(&networks), invalid.map(|text| (IssueKind::Invalid, Some(text.to_owned()))));
}

#[test]
fn ipv4_mapped_networks_are_those_of_ipv4() {
    for (mapped, ipv4) in [
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("::ffff:10.1.2.3/104", "10.0.0.0/8"),
        ("::ffff:192.0.2.7", "192.0.2.7/32"),
        ("::ffff:c000:207/128", "192.0.2.7/32"),
        ("10.1.2.3/8", "10.0.0.0/8"),
    ] {
        assert_eq!(parse_network(mapped), Ok(ipv4.parse().unwrap()), "{mapped}");
    }
}

#[test]
fn networks_wider_than_any_list_of_proxies_are_rejected() {
    for network in [
        "0.0.0.0/0",
        "0.0.0.0/1",
        "128.0.0.0/1",
        "8.0.0.0/7",
        "::/0",
        "::/1",
        "2000::/3",
        "2600::/12",
        "2001:db8::/19",
        // All of IPv4, in other forms.
        "::ffff:0:0/96",
        "::ffff:0.0.0.0/97",
        "::/64",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2001::/32",
        "2002::/16",
        "2002::/20",
    ] {
        assert_eq!(issues(&[network]), [(IssueKind::Prohibited, Some(network.to_owned()))], "{network}");
    }
}

#[test]
fn networks_that_are_too_wide_only_together_are_rejected_once() {
    for networks in [
        &["11.0.0.0/8", "22.0.0.0/8"][..],
        &["11.0.0.0/8", "10.0.0.0/8", "22.0.0.0/32"],
        &["2600::/20", "2a00::/128"],
        &["2002:800::/24", "64:ff9b::1.0.0.0/104"],
    ] {
        assert_eq!(issues(networks), [(IssueKind::Prohibited, None)], "{networks:?}");
        assert!(Networks::parse(networks, "x", Width::Unbounded).is_ok(), "{networks:?}");
    }
    let halves = ["0.0.0.0/1", "128.0.0.0/1"];
    assert_eq!(issues(&halves), halves.map(|half| (IssueKind::Prohibited, Some(half.to_owned()))));
    // In steps that are small enough one by one.
    let eighths: Vec<_> = (1..=223).map(|first| format!("{first}.0.0.0/8")).collect();
    assert_eq!(issues(&eighths.iter().map(|text| &**text).collect::<Vec<_>>()), [(IssueKind::Prohibited, None)]);
}

#[test]
fn the_networks_of_real_proxies_are_accepted() {
    for networks in [
        &["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"][..],
        &["fc00::/7", "fe80::/10", "::1"],
        &["17.0.0.0/8"],
        &["17.0.0.0/8", "17.1.0.0/16", "17.0.0.0/8"],
        &["2600::/20"],
        &["240.0.0.0/4"],
        &["::ffff:10.0.0.0/104"],
        // Cloudflare.
        &["104.16.0.0/13", "104.24.0.0/14", "172.64.0.0/13", "162.158.0.0/15", "2400:cb00::/32", "2a06:98c0::/29"],
        // Google's front ends.
        &["35.191.0.0/16", "130.211.0.0/22", "2600:2d00:1:b029::/64"],
    ] {
        assert_eq!(issues(networks), [], "{networks:?}");
    }
}

#[test]
fn a_network_contains_its_addresses_and_no_others() {
    let networks = parse(&["10.0.0.0/8", "::ffff:192.0.2.0/120", "2001:db8::/32"]).unwrap();
    let contains = |ip: &str| networks.contain(ip.parse().unwrap());
    assert!(["10.0.0.0", "10.255.255.255", "192.0.2.9", "2001:db8:ffff::1"].into_iter().all(contains));
    assert!(!["9.255.255.255", "11.0.0.0", "192.0.3.0", "2001:db9::1", "::a00:1"].into_iter().any(contains));
    assert!(!networks.has_unix() && !networks.are_none());
    assert!(parse(&["unix:"]).is_ok_and(|unix| unix.has_unix() && !unix.are_none()));
    assert!(parse(&[]).is_ok_and(|none| none.are_none()));
}

proptest! {
    /// Splitting a network, or listing it twice, does not change how many addresses it has.
    #[test]
    fn addresses_are_counted_once(bits in any::<u32>(), prefix in 0_u8..=30, split in 1_u8..=2) {
        let network = Ipv4Net::new(Ipv4Addr::from(bits), prefix).unwrap().trunc();
        let parts = network.subnets(prefix + split).unwrap().map(IpNet::V4);
        let mut networks: Vec<_> = parts.collect();
        let whole = Addresses::of(&[network.into()]).ipv4;
        prop_assert_eq!(Addresses::of(&networks).ipv4, whole);
        networks.push(network.into());
        prop_assert_eq!(Addresses::of(&networks).ipv4, whole);
        prop_assert!(whole <= size_ipv4(network));
        // As IPv4-mapped addresses, they are as many.
        let mapped = Ipv6Net::new(network.network().to_ipv6_mapped(), prefix + 96).unwrap();
        prop_assert_eq!(Addresses::of(&[mapped.into()]).ipv4, size_ipv4(network));
    }

    #[test]
    fn any_text_is_an_issue_or_a_network(text in "\\PC{0,20}") {
        if let Err(error) = parse(&[&text]) {
            prop_assert_eq!(error.issues()[0].value(), Some(&*text));
        }
    }
}
