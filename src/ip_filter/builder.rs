//! `IpFilterBuilder`: the lists of an `IpFilter`, and every issue with them.

use crate::context::{Nat64Prefix, NetworkSet};
use crate::error::{ConfigError, ConfigIssue, ConfigIssues, IssueKind};
use crate::ip_filter::gate::IpFilter;
use crate::ip_filter::policy::Lists;

impl IpFilter {
    /// Returns a builder without lists. At least one is required.
    pub fn builder() -> IpFilterBuilder {
        IpFilterBuilder::default()
    }

    /// Replaces the lists of this filter and of all its clones. Requests that arrive later are decided by the new ones.
    ///
    /// ```
    /// # use http::request;
    /// # use portcullis::{TrustedProxies, gate::{Entry, Gate}};
    /// use portcullis::IpFilter;
    ///
    /// let filter = IpFilter::builder().deny(["192.0.2.0/24"]).build()?;
    /// let layer = filter.clone(); // for the app
    ///
    /// // Later, for example when the file with the list has changed:
    /// filter.reload(IpFilter::builder().deny(["198.51.100.0/24"]))?;
    /// # let admits = |ip: [u8; 4]| {
    /// #     let mut head = http::Request::new(()).into_parts().0;
    /// #     head.extensions.insert(std::net::SocketAddr::from((ip, 4711)));
    /// #     let _ = TrustedProxies::none().enter(&mut head);
    /// #     matches!(layer.enter(&mut head), Entry::Admit(()))
    /// # };
    /// assert!(admits([192, 0, 2, 7]));
    /// assert!(!admits([198, 51, 100, 7]));
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] as [`build`](IpFilterBuilder::build) does. Then the lists remain as they were.
    pub fn reload(&self, lists: IpFilterBuilder) -> Result<(), ConfigError> {
        self.replace(lists.lists()?);
        Ok(())
    }
}

/// Configures an [`IpFilter`]: the networks that may send requests, and those that may not.
///
/// Setters never fail. [`build`](Self::build) returns every issue. A setter replaces the previous list.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct IpFilterBuilder {
    allowed: Option<Vec<String>>,
    denied: Option<Vec<String>>,
    nat64_prefixes: Vec<String>,
}

impl IpFilterBuilder {
    /// Allows only these networks (default: all that are not [denied](Self::deny)).
    ///
    /// A network is written in CIDR notation or as a single address. The list must not be empty, because an empty one
    /// would reject every request.
    ///
    /// ```
    /// use portcullis::IpFilter;
    ///
    /// let office = IpFilter::builder().allow(["203.0.113.0/24", "2001:db8::/48"]);
    /// assert!(office.build().is_ok());
    ///
    /// let error = IpFilter::builder().allow(["10.0.0.0/33"]).build().unwrap_err();
    /// assert_eq!(error.issues()[0].value(), Some("10.0.0.0/33"));
    /// ```
    pub fn allow<I>(mut self, networks: I) -> Self
    where
        I: IntoIterator<Item: Into<String>>,
    {
        self.allowed = Some(networks.into_iter().map(Into::into).collect());
        self
    }

    /// Denies these networks, also if they are [allowed](Self::allow) (default: none). The list may be empty.
    ///
    /// ```
    /// use portcullis::IpFilter;
    ///
    /// // One network per line, for example from a file.
    /// let list = "192.0.2.0/24\n2001:db8:bad::/48\n";
    /// assert!(IpFilter::builder().deny(list.lines()).build().is_ok());
    /// ```
    pub fn deny<I>(mut self, networks: I) -> Self
    where
        I: IntoIterator<Item: Into<String>>,
    {
        self.denied = Some(networks.into_iter().map(Into::into).collect());
        self
    }

    /// Sets the prefixes of your own NAT64 translators (default: none besides the well-known `64:ff9b::/96`).
    ///
    /// Such a translator is between IPv4 clients and an app that has only IPv6. An address in a prefix also counts as the
    /// IPv4 address of the client in it, so that lists need not have both. A prefix has 32, 40, 48, 56, 64 or 96 bits (RFC
    /// 6052 §2.2). Many are in `64:ff9b:1::/48` (RFC 8215): write yours, with its length.
    ///
    /// Only the translator may have these addresses: a host with one of them would count as any IPv4 client.
    ///
    /// ```
    /// use portcullis::IpFilter;
    ///
    /// let filter = IpFilter::builder()
    ///     .deny(["192.0.2.0/24"])
    ///     .nat64_prefixes(["64:ff9b:1::/96"]);
    /// assert!(filter.build().is_ok());
    /// ```
    pub fn nat64_prefixes<I>(mut self, prefixes: I) -> Self
    where
        I: IntoIterator<Item: Into<String>>,
    {
        self.nat64_prefixes = prefixes.into_iter().map(Into::into).collect();
        self
    }

    /// Validates the lists and builds the layer.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] with every item that is neither an address nor a network, every prefix of an undefined
    /// length, and if there is no list, or an empty list of allowed networks.
    pub fn build(self) -> Result<IpFilter, ConfigError> {
        self.lists().map(IpFilter::new)
    }

    fn lists(self) -> Result<Lists, ConfigError> {
        let mut issues = ConfigIssues::default();
        if self.allowed.is_none() && self.denied.is_none() {
            let remedy = "call allow(..) or deny(..); a list of denied networks may be empty";
            issues.add(ConfigIssue::new("IpFilter::builder", IssueKind::Missing, "there is no list", remedy));
        }
        if self.allowed.as_ref().is_some_and(Vec::is_empty) {
            let reason = "the list is empty, so every request would be rejected";
            let remedy = "name at least one network, or remove the call";
            issues.add(ConfigIssue::new("allow", IssueKind::Invalid, reason, remedy));
        }
        let allowed = self.allowed.map(|networks| NetworkSet::parse(networks, "allow", &mut issues));
        let denied = NetworkSet::parse(self.denied.unwrap_or_default(), "deny", &mut issues);
        let mut nat64 = Vec::new();
        for text in self.nat64_prefixes {
            if let Some(prefix) = Nat64Prefix::parse(&text) {
                nat64.push(prefix);
                continue;
            }
            let reason = "not an IPv6 prefix of 32, 40, 48, 56, 64 or 96 bits (RFC 6052 §2.2)";
            let remedy = "write the prefix of the translator, for example 64:ff9b:1::/96";
            issues.add(ConfigIssue::new("nat64_prefixes", IssueKind::Invalid, reason, remedy).with_value(text));
        }
        issues.into_result(|| Lists { allowed, denied, nat64: nat64.into() })
    }
}
