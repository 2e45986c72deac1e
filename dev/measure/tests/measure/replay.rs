//! What was recorded can be played: each request is answered as it was, from memory.

use measure::recording::record;
use replay::Player;

#[tokio::test]
async fn every_request_can_be_played_again() {
    let (config, recorded) = record().await;
    assert!(recorded.len() > 20);
    for one in recorded {
        // It asserts that the answer is a success.
        Player::new(&config, &one).play(2).await;
    }
}
