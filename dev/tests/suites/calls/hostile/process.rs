//! Attacks on the process: signals, descriptors, files.

use super::AttackEnv;
use serde_json::json;

#[tokio::test]
async fn handler_ignoring_signals_is_stopped_at_the_timeout() {
    let attacker = AttackEnv::start(json!({"timeout": 1})).await;
    let code = "for number in range(1, signal.NSIG):\n    \
        try: signal.signal(number, signal.SIG_IGN)\n    \
        except (OSError, ValueError): pass\n\
        print('begun')\ntry: time.sleep(60)\nfinally: print('never')";
    let (answer, log) = attacker.attack(code).await;
    let message = answer.assert_error(504, "TIMEOUT");
    assert!(message.contains("its timeout of 1 s"), "{message}");
    let lines = log["logs"].as_array().unwrap();
    assert_eq!(lines[..2], [json!("begun"), json!("the function was stopped here:")]);
    assert_eq!(lines.last(), Some(&log["responseBody"]));
    assert!(log["duration"].as_f64().unwrap() >= 1000.0, "{log}");
    let (answer, _) = attacker.attack("pass").await;
    assert_eq!(answer.body, "done", "in a new process");
}

#[tokio::test]
async fn sigkill_is_reported_as_out_of_memory() {
    let attacker = AttackEnv::start(json!({})).await;
    for signal in ["SIGTERM", "SIGKILL"] {
        let (answer, log) = attacker
            .attack(&format!("print('mine', end='')\nos.kill(os.getpid(), signal.{signal})"))
            .await;
        let message = answer.assert_error(500, "INTERNAL_ERROR");
        assert!(message.contains("process ended"), "{message}");
        assert_eq!(log["logs"][0], "mine");
    }
    // Lambda reports SIGKILL and an exceeded memory limit in the same words.
    let from_outside = "subprocess.run(['kill', '-9', str(os.getpid())])\ntime.sleep(60)";
    let message = attacker.failure(from_outside).await;
    assert!(message.contains("ran out of memory"), "{message}");
}

#[tokio::test]
async fn closed_file_descriptors_affect_only_their_process() {
    let attacker = AttackEnv::start(json!({})).await;
    for code in ["os.closerange(0, 3)", "os.closerange(0, 256)", "del sys.stdout, sys.stderr"] {
        let (answer, _) = attacker.attack(code).await;
        assert!([200, 500].contains(&answer.status), "{code}: {}", answer.status);
        // The next execution that prints may fail, and then the process is replaced.
        attacker.attack("print('into nothing')\nos._exit(0)").await;
        attacker.recovers().await;
    }
}

#[tokio::test]
async fn deleted_files_are_restored_by_the_next_deployment() {
    let attacker = AttackEnv::start(json!({})).await;
    let delete = "folder = os.path.dirname(__file__)\n\
        for name in os.listdir(folder): os.remove(os.path.join(folder, name))";
    let (answer, _) = attacker.attack(delete).await;
    assert_eq!(answer.body, "done");
    let (answer, _) = attacker.attack("pass").await;
    assert_eq!(answer.body, "done", "loaded modules stay loaded");
    // In the emulator, this version's next process finds no files. On AWS they can't be deleted.
    attacker.end_process().await;
    let message = attacker.failure("pass").await;
    assert!(message.contains("could not be loaded"), "{message}");
    attacker.env.patch(&attacker.hostile, json!({"memory": 256})).await;
    attacker.env.settle().await;
    let (answer, _) = attacker.attack("pass").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "done"));
}
