//! The URL of a package index.

/// The index where a request names none.
const PYPI: &str = "https://pypi.org/simple";

/// The URL of an index, which may hold a user and a password.
pub(crate) struct IndexUrl(String);

impl IndexUrl {
    /// The index of a request.
    ///
    /// # Errors
    /// A sentence, without the URL.
    pub(crate) fn of(request: Option<String>) -> Result<Self, String> {
        let url = request.unwrap_or_else(|| PYPI.to_owned());
        // `uv` would also read an index from the disk, and takes "name=" before a URL.
        let is_http = url.starts_with("https://") || url.starts_with("http://");
        if !is_http || url.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(
                "The URL of the package index must start with https:// or http://, and have \
                        no spaces."
                    .to_owned(),
            );
        }
        Ok(Self(url))
    }

    /// With its credentials.
    pub(crate) fn secret(&self) -> &str {
        &self.0
    }

    /// The user and the password, as they are in the URL.
    pub(crate) fn credentials(&self) -> impl Iterator<Item = &str> {
        let authority = authority(&self.0);
        let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
        user.split(':').chain([user]).filter(|part| !part.is_empty())
    }

    pub(crate) fn host(&self) -> &str {
        host(&self.0)
    }
}

/// The host of a URL, with its port.
pub(crate) fn host(url: &str) -> &str {
    let authority = authority(url);
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_told_without_credentials() {
        let url =
            IndexUrl::of(Some("https://me:se@cret@pypi.example:8443/simple".to_owned())).unwrap();
        assert_eq!(url.host(), "pypi.example:8443");
        assert_eq!(url.credentials().collect::<Vec<_>>(), ["me", "se@cret", "me:se@cret"]);
        assert_eq!(IndexUrl::of(None).unwrap().host(), "pypi.org");
    }

    #[test]
    fn an_index_that_is_not_on_a_host_is_refused_without_its_url() {
        for url in ["file:///etc", "/etc", "name=https://a.example", "https://a.example/ b", ""] {
            let problem = IndexUrl::of(Some(url.to_owned())).err().unwrap();
            assert!(problem.contains("must start with https://"), "{url}");
        }
    }
}
