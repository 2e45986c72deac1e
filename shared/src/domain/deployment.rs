//! How far a function is deployed.

use super::digest::sha256_of_parts;
use super::function::FunctionSettings;

/// What a client has made of a function, as far as that must be deployed: a digest of its source and
/// of the settings that its Lambda function is made of. Its name, and who may call it, are not part
/// of that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision(String);

impl Revision {
    /// The revision of a function with these settings and a source of this SHA-256.
    pub fn of(settings: &FunctionSettings, source_sha256: &str) -> Self {
        let (memory, timeout) = (settings.memory.mb(), settings.timeout.seconds());
        let (memory, timeout) = (memory.to_string(), timeout.to_string());
        let fixed = [source_sha256, settings.runtime.name(), &memory, &timeout];
        let variables = settings.environment_variables.iter();
        let variables = variables.flat_map(|(name, value)| [name, value]);
        Self(hex::encode(&sha256_of_parts(fixed.into_iter().chain(variables))[..16]))
    }

    /// The name of a deployment of this revision; `platform` tells apart what we add to it.
    pub fn deployed_with(&self, platform: &str) -> String {
        format!("{}-{platform}", self.0)
    }

    /// Whether the deployment of this name is one of this revision, whatever we added to it.
    pub fn is_deployed_as(&self, deployment: &str) -> bool {
        deployment.split_once('-').is_some_and(|(revision, _)| revision == self.0)
    }
}

/// How far the present version of a function is deployed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeploymentState {
    /// It is what a call meets.
    Deployed,
    /// Its deployment is going on, or has yet to begin.
    Pending,
    /// It can't be deployed, for the reason in this sentence.
    Failed(String),
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::Fields;

    fn revision(change: serde_json::Value, source: &str) -> Revision {
        let mut body = json!({"name": "f", "environmentVariables": {"AA": "1", "BB": "2"}});
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let mut fields = Fields::parse(body.to_string().as_bytes()).unwrap();
        Revision::of(&FunctionSettings::take(&mut fields).unwrap(), source)
    }

    #[test]
    fn only_what_is_deployed_makes_another_revision() {
        let first = revision(json!({}), "a");
        for same in [json!({"name": "g"}), json!({"auth": "key"}), json!({"httpMethods": ["PUT"]})]
        {
            assert_eq!(revision(same.clone(), "a"), first, "{same}");
        }
        for other in [
            json!({"memory": 512}),
            json!({"timeout": 31}),
            json!({"runtime": "Python 3.13"}),
            json!({"environmentVariables": {"AA": "1"}}),
            json!({"environmentVariables": {"AA": "1B", "BB": "2"}}),
        ] {
            assert_ne!(revision(other.clone(), "a"), first, "{other}");
        }
        assert_ne!(revision(json!({}), "b"), first);
    }

    #[test]
    fn a_deployment_is_of_one_revision_whatever_the_platform() {
        let (one, other) = (revision(json!({}), "a"), revision(json!({}), "b"));
        for platform in ["00", "ff"] {
            assert!(one.is_deployed_as(&one.deployed_with(platform)));
            assert!(!other.is_deployed_as(&one.deployed_with(platform)));
        }
        assert!(!one.is_deployed_as(&one.0), "the form of an earlier release");
    }
}
