//! The routes of an HTTP API, and the choice between them.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

/// One route of an HTTP API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    key: String,
    /// `None` takes any method.
    method: Option<String>,
    /// `None` is the `$default` route.
    segments: Option<Vec<Segment>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Literal(String),
    /// `{name}`: one segment that is not empty.
    Variable(String),
    /// `{name+}`: the whole rest, even if it is empty.
    Greedy(String),
}

/// Path parameters by name, percent-decoded.
pub type PathParameters = BTreeMap<String, String>;

impl Route {
    /// Parses a route key: `GET /pets/{id}`, `ANY /pets/{proxy+}` or `$default`.
    ///
    /// # Errors
    /// What an HTTP API would refuse, as half a sentence.
    pub fn parse(key: &str) -> Result<Self, String> {
        if key == "$default" {
            return Ok(Self { key: key.to_owned(), method: None, segments: None });
        }
        let (method, path) =
            key.split_once(' ').ok_or("a route is a method, a space and a path")?;
        let rest = path.strip_prefix('/').ok_or("a path starts with a slash")?;
        if !rest.is_empty() && rest.ends_with('/') {
            return Err("a route can't end in a slash".to_owned());
        }
        let segments: Vec<Segment> = rest.split('/').map(Segment::parse).collect();
        let greedy = segments.iter().position(|s| matches!(s, Segment::Greedy(_)));
        if greedy.is_some_and(|i| i + 1 < segments.len()) {
            return Err("a {variable+} must be the last part of its path".to_owned());
        }
        Ok(Self {
            key: key.to_owned(),
            method: (method != "ANY").then(|| method.to_owned()),
            segments: Some(segments),
        })
    }

    /// The route's key: `ANY /pets/{id}`.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The path parameters if this route takes the request. `path` is percent-encoded.
    fn matches(&self, method: &str, path: &str) -> Option<PathParameters> {
        let mut parameters = PathParameters::new();
        if self.method.as_deref().is_some_and(|own| own != method) {
            return None;
        }
        let Some(segments) = &self.segments else { return Some(parameters) };
        let mut rest = Some(path.strip_prefix('/').unwrap_or(path));
        for segment in segments {
            // No rest is no segment, unlike an empty rest.
            let remaining = rest?;
            let (first, after) = match remaining.split_once('/') {
                Some((first, after)) => (first, Some(after)),
                None => (remaining, None),
            };
            match segment {
                Segment::Literal(text) if decoded(first) == *text => rest = after,
                Segment::Variable(name) if !first.is_empty() => {
                    parameters.insert(name.clone(), decoded(first));
                    rest = after;
                }
                Segment::Greedy(name) => {
                    parameters.insert(name.clone(), decoded(remaining));
                    rest = None;
                }
                Segment::Literal(_) | Segment::Variable(_) => return None,
            }
        }
        rest.is_none().then_some(parameters)
    }

    /// The smallest takes the request: `$default` last, greedy after the others, literal parts
    /// before variables, one method before any.
    fn rank(&self) -> (bool, bool, Vec<u8>, bool) {
        let kinds: Vec<u8> = self
            .segments
            .iter()
            .flatten()
            .map(|segment| match segment {
                Segment::Literal(_) => 0,
                Segment::Variable(_) => 1,
                Segment::Greedy(_) => 2,
            })
            .collect();
        (self.segments.is_none(), kinds.contains(&2), kinds, self.method.is_none())
    }
}

/// The route that takes a request, in API Gateway's order of preference, with its path
/// parameters. `path` is percent-encoded.
pub fn select<'r, T>(
    routes: &'r [(Route, T)],
    method: &str,
    path: &str,
) -> Option<(&'r Route, &'r T, PathParameters)> {
    routes
        .iter()
        .filter_map(|(route, to)| route.matches(method, path).map(|found| (route, to, found)))
        .min_by_key(|(route, ..)| route.rank())
}

impl Segment {
    fn parse(text: &str) -> Self {
        match text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(name) => match name.strip_suffix('+') {
                Some(name) => Self::Greedy(name.to_owned()),
                None => Self::Variable(name.to_owned()),
            },
            None => Self::Literal(text.to_owned()),
        }
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(keys: &[&str], method: &str, path: &str) -> Option<(String, Vec<String>)> {
        let routes: Vec<(Route, ())> =
            keys.iter().map(|key| (Route::parse(key).unwrap(), ())).collect();
        select(&routes, method, path)
            .map(|(route, (), found)| (route.key().to_owned(), found.into_values().collect()))
    }

    #[test]
    fn the_most_specific_route_is_taken() {
        let keys = [
            "$default",
            "ANY /pets/{proxy+}",
            "ANY /pets/{id}/toys/{proxy+}",
            "ANY /pets/{id}",
            "GET /pets/{id}",
            "ANY /pets",
            "ANY /pets/{id}/toys",
            "ANY /pets/dogs",
            "ANY /",
        ];
        let cases: [(&str, &str, &str, &[&str]); 16] = [
            ("GET", "/", "ANY /", &[]),
            ("GET", "/pets", "ANY /pets", &[]),
            ("GET", "/pets/", "ANY /pets/{proxy+}", &[""]),
            ("GET", "/pets/1", "GET /pets/{id}", &["1"]),
            ("PUT", "/pets/1", "ANY /pets/{id}", &["1"]),
            ("GET", "/pets/1/", "ANY /pets/{proxy+}", &["1/"]),
            ("GET", "/pets/dogs", "ANY /pets/dogs", &[]),
            ("GET", "/pets/dogs/toys", "ANY /pets/{id}/toys", &["dogs"]),
            ("GET", "/pets/1/toys/", "ANY /pets/{id}/toys/{proxy+}", &["1", ""]),
            ("GET", "/pets/1/toys/a/b", "ANY /pets/{id}/toys/{proxy+}", &["1", "a/b"]),
            ("GET", "/pets//toys", "ANY /pets/{proxy+}", &["/toys"]),
            ("GET", "/pets/a%20b%2Fc", "GET /pets/{id}", &["a b/c"]),
            ("GET", "/other", "$default", &[]),
            ("GET", "//", "$default", &[]),
            ("GET", "/petsandmore", "$default", &[]),
            ("OPTIONS", "*", "$default", &[]),
        ];
        for (method, path, key, parameters) in cases {
            let (found, values) = selected(&keys, method, path).expect("there is a $default");
            assert_eq!(
                (found.as_str(), &values[..]),
                (key, &parameters.iter().map(|p| (*p).to_owned()).collect::<Vec<_>>()[..]),
                "{method} {path}"
            );
        }
        assert_eq!(selected(&["GET /a"], "POST", "/a"), None);
    }

    #[test]
    fn a_route_that_an_http_api_refuses_is_an_error() {
        for key in ["/a", "GET a", "GET /a/", "GET /{a+}/b"] {
            assert!(Route::parse(key).is_err(), "{key}");
        }
    }
}
