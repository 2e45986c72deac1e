//! Times requests over services that answer from memory: `cargo bench --bench requests`. What it
//! times is what `cargo measure instructions` counts, but for the log line, which nobody writes.

use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};
use replay::{RecordedRequest, Replay};
use shared::config::Config;
use tokio::runtime::Runtime;

fn requests(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let (config, recorded): (Config, Vec<RecordedRequest>) =
        runtime.block_on(measure::recording::record());
    for one in &recorded {
        let replay = Replay::new(&config, one);
        criterion.bench_function(&one.what, |bencher| {
            bencher.iter_custom(|times| {
                let began = Instant::now();
                runtime.block_on(replay.run(times));
                began.elapsed()
            });
        });
    }
}

criterion_group!(benches, requests);
criterion_main!(benches);
