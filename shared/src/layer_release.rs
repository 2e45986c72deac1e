//! Ending a function's use of layers, and deleting those that nothing uses any more.

use crate::domain::{FunctionId, WorkspaceId};
use crate::engine::Engine;
use crate::error::Error;
use crate::store::{EndOfUse, Store};

/// Ends a function's use of all layers but those of its packages, and deletes those that nothing uses
/// any more. Versions of functions that are deployed go on with them. It can be repeated.
pub async fn release_layers(
    store: &Store,
    engine: &Engine,
    ws: &WorkspaceId,
    id: &FunctionId,
) -> Result<(), Error> {
    for layer in store.layers_of_function(ws, id).await? {
        match store.end_layer_use(ws, id, &layer).await? {
            EndOfUse::StillUsed | EndOfUse::BeingBuilt => continue,
            EndOfUse::Ended => {}
            EndOfUse::WasLast => {
                engine.remove_layer(&layer).await?;
                store.remove_layer(&layer).await?;
            }
        }
        store.forget_layer_use(ws, id, &layer).await?;
    }
    Ok(())
}
