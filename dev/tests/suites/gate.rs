//! Executions that stop in the middle until the test lets them continue.

use std::time::Duration;

use tempfile::TempDir;

/// A gate that handlers wait at. It is a folder: an execution that has begun makes a file in it, and
/// ends once there is the file `open`.
pub(crate) struct Gate(TempDir);

impl Gate {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A function that returns `done` once the gate is open. Give it a long timeout.
    pub(crate) fn source(&self) -> String {
        let folder = self.0.path().display();
        format!(
            "import os, tempfile, time\n\ndef handler(event, context):\n    \
             tempfile.mkstemp(dir='{folder}')\n    \
             while not os.path.exists('{folder}/open'): time.sleep(0.01)\n    return 'done'\n"
        )
    }

    /// Waits until `executions` have begun, on real time: they run in processes of their own.
    pub(crate) async fn reached_by(&self, executions: usize) {
        let folder = self.0.path().to_owned();
        let begun = move || std::fs::read_dir(&folder).unwrap().count();
        let waiting = tokio::task::spawn_blocking(move || {
            while begun() < executions {
                std::thread::sleep(Duration::from_millis(10));
            }
        });
        waiting.await.unwrap();
    }

    pub(crate) fn open(&self) {
        std::fs::write(self.0.path().join("open"), "").unwrap();
    }
}
