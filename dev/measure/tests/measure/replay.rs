//! Recorded requests can be replayed.

use measure::recording::record;
use replay::Replay;

#[tokio::test]
async fn every_recorded_request_replays() {
    let (config, recorded) = record().await;
    assert!(recorded.len() > 20);
    for one in recorded {
        // Asserts that the answer is a success.
        Replay::new(&config, &one).run(2).await;
    }
}
