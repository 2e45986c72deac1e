//! Hostile functions, with real Python. After each attack the caller has a valid response, the log
//! is right, and another function is unaffected.
//!
//! Nothing here attacks what AWS isolates and the emulator doesn't: other processes, other
//! functions' files, the network.

mod output;
mod process;
mod response;

use std::time::Instant;

use super::env::CallEnv;
use serde_json::{Value, json};
use shared::domain::FunctionId;
use testkit::Answer;

/// Executes the Python in its request's body, in the adapter's process, and returns `reply`.
const HOSTILE: &str = "import json, os, signal, subprocess, sys, time\n\n\
    def handler(event, context):\n    \
        scope = dict(globals(), event=event, context=context, reply='done')\n    \
        exec(event['body'], scope)\n    \
        return scope['reply']\n";

const OTHER: &str = "def handler(event, context):\n    print('well')\n    return 'well'\n";

/// A hostile function, and another one.
struct AttackEnv {
    env: CallEnv,
    hostile: FunctionId,
    other: FunctionId,
}

impl AttackEnv {
    async fn start(settings: Value) -> Self {
        let env = CallEnv::start().await;
        let hostile = env.created(HOSTILE, settings).await;
        let other = env.deployed(OTHER).await;
        Self { env, hostile, other }
    }

    /// The response to an attack, and its log, which agree.
    async fn attack(&self, code: &str) -> (Answer, Value) {
        let before = self.env.logs(&self.hostile).await.len();
        let began = Instant::now();
        let answer = self.env.call(&self.hostile, "POST", "", code).await;
        let took = began.elapsed().as_secs_f64() * 1000.0;
        answer.assert_shared();
        let logs = self.env.logs(&self.hostile).await;
        assert_eq!(logs.len(), before + 1, "{code}");
        let log = logs[0].clone();
        assert_eq!(log["id"], answer.header("x-execution-id"), "{code}");
        assert_eq!(log["functionId"], self.hostile.as_str(), "{code}");
        assert_eq!(log["requestBody"], code);
        assert_eq!(log["statusCode"], answer.status, "{code}");
        let (status, level) = match answer.status {
            500.. => ("error", "error"),
            400.. => ("success", "warn"),
            _ => ("success", "info"),
        };
        assert_eq!((&log["status"], &log["level"]), (&json!(status), &json!(level)), "{code}");
        let duration = log["duration"].as_f64().unwrap();
        assert!(duration > 0.0 && duration <= took, "{code}: {duration} of {took} ms");
        self.assert_other_is_unaffected().await;
        (answer, log)
    }

    async fn assert_other_is_unaffected(&self) {
        let answer = self.env.call(&self.other, "GET", "", "").await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "well"));
        let log = &self.env.logs(&self.other).await[0];
        assert_eq!(log["id"], answer.header("x-execution-id"));
        assert_eq!((&log["status"], &log["level"]), (&json!("success"), &json!("info")));
        assert_eq!((&log["statusCode"], &log["logs"]), (&json!(200), &json!(["well"])));
    }

    /// The reason of a failed attack, in the log and in the response, which tells nothing else.
    async fn failure(&self, code: &str) -> String {
        let (answer, log) = self.attack(code).await;
        let message = answer.assert_error(500, "INTERNAL_ERROR");
        assert!(!answer.body.contains("secret"), "{code}: {}", answer.body);
        let reason = log["responseBody"].as_str().unwrap();
        assert!(message.starts_with(reason), "{code}: {message}");
        reason.to_owned()
    }

    /// Ends the function's process, from outside: its adapter may be damaged.
    async fn end_process(&self) {
        let kill = "subprocess.run(['kill', '-9', str(os.getpid())])\ntime.sleep(60)";
        let message = self.failure(kill).await;
        assert!(message.contains("ran out of memory"), "{message}");
    }

    /// A damaged process may fail up to two more calls before a new one replaces it.
    async fn recovers(&self) {
        for _ in 0..3 {
            let (answer, _) = self.attack("pass").await;
            if answer.body == "done" {
                return;
            }
            answer.assert_error(500, "INTERNAL_ERROR");
        }
        panic!("the function does not recover");
    }
}
