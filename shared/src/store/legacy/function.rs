//! The earlier backend's functions.

use super::{EarlierTime, MigrationAction, Orphan, fields, is_ghost, is_present, patiently};
use crate::aws::failure::failure;
use crate::domain::{
    Code, Fields, Function, FunctionId, FunctionSettings, Owner, ValidationError, WorkspaceId,
};
use crate::error::Error;
use crate::store::code::CodeRecord;
use crate::store::function::FunctionRecord;
use crate::store::update::owner_of;
use crate::store::{Item, Store, keys};

/// A function of the earlier backend, as it is to be.
#[derive(Debug)]
pub struct LegacyFunction {
    read: Item,
    function: Function,
    /// Its workspace's; `None` while that is in the earlier form.
    owner: Option<Owner>,
}

impl Store {
    /// What is to become of the function `id`, once its workspace is in the present form.
    ///
    /// Its source is the one in its item; only where there is none, the one in the
    /// bucket, into which a change that failed may have put another.
    pub async fn fate_of_function(
        &self,
        ws: &WorkspaceId,
        id: &FunctionId,
    ) -> Result<MigrationAction<LegacyFunction>, Error> {
        let mut items = patiently(|| self.function_items(ws, id, None)).await?;
        let key = keys::function(ws, id);
        let Some(read) = items.remove(&key.sk).filter(|item| !is_present(item)) else {
            return Ok(MigrationAction::Stays);
        };
        if is_ghost(&read) {
            return Ok(MigrationAction::Removed(Orphan(key)));
        }
        let workspace = items.remove(&keys::workspace(ws).sk);
        if workspace.as_ref().is_none_or(|item| item.contains_key("deletedAt")) {
            return Ok(MigrationAction::Left("its workspace is not there".into()));
        }
        let owner = workspace.as_ref().and_then(owner_of);
        let owner = owner.map(|owner| Owner::from_stored(owner.to_owned()));
        let code = match fields(&read).and_then(|mut fields| Ok(fields.optional("code")?)) {
            Ok(Some(code)) => Ok(code),
            Ok(None) => self.published_source(ws, id).await?,
            Err(refusal) => return Ok(MigrationAction::Left(refusal.to_string())),
        };
        let function = code
            .map_err(|ValidationError(reason)| Error::invalid("its source in the bucket", reason))
            .and_then(|code| function(ws, id, fields(&read)?, code));
        Ok(match function {
            Ok(function) => MigrationAction::Rewritten(LegacyFunction { read, function, owner }),
            Err(refusal) => MigrationAction::Left(refusal.to_string()),
        })
    }

    /// Brings a function to the present form, in which its workspace counts it, and
    /// begins its figures, all in one transaction. Whether that is done; if not, it
    /// or its workspace was changed since.
    ///
    /// Whoever follows the stream deploys it then.
    pub async fn rewrite_function(&self, earlier: &LegacyFunction) -> Result<bool, Error> {
        let LegacyFunction { read, function, owner } = earlier;
        let Some(owner) = owner else { return Ok(false) };
        let (ws, id) = (&function.workspace_id, &function.id);
        let code = CodeRecord::new(ws, id, &function.code);
        let key = code.code_key.clone();
        patiently(|| self.put_object(&key, &function.code)).await?;
        let record = FunctionRecord::new(owner, function, code);
        let new = serde_dynamo::to_item(record).map_err(Error::internal)?;
        let mut others = vec![self.count_adopted_function(owner, ws)?];
        others.extend(self.begin_metrics_in_transaction(owner, ws, id)?);
        let what = "DynamoDB TransactWriteItems, migrate function";
        let is_done = self.replace(what, read, &["lastModified"], new, others).await?;
        if !is_done {
            self.discard(&key).await;
        }
        Ok(is_done)
    }

    /// The source of which the earlier backend kept a copy in the bucket.
    async fn published_source(
        &self,
        ws: &WorkspaceId,
        id: &FunctionId,
    ) -> Result<Result<Code, ValidationError>, Error> {
        let attempt = || async {
            let get = self.s3.get_object().bucket(&*self.bucket).key(keys::published_code(ws, id));
            let got = match get.send().await {
                Ok(got) => got,
                Err(error) if error.as_service_error().is_some_and(|e| e.is_no_such_key()) => {
                    return Ok(None);
                }
                Err(error) => return Err(failure("S3 GetObject")(error)),
            };
            let bytes = got.body.collect().await.map_err(|e| Error::Unavailable(e.into()))?;
            Ok(Some(bytes.to_vec()))
        };
        let Some(bytes) = patiently(attempt).await? else {
            return Ok(Err(ValidationError::because("is not there, and its item holds none")));
        };
        let source =
            String::from_utf8(bytes).map_err(|_| ValidationError::because("must be UTF-8"));
        Ok(source.and_then(Code::try_from))
    }
}

/// Whether the source is Python isn't asked: what it is it was before.
fn function(
    ws: &WorkspaceId,
    id: &FunctionId,
    mut fields: Fields,
    code: Code,
) -> Result<Function, Error> {
    let EarlierTime(last_modified) = fields.required("lastModified")?;
    let settings = FunctionSettings::take(&mut fields)?;
    let status = fields.optional("status")?.unwrap_or_default();
    Ok(Function::new(id.clone(), ws.clone(), settings, code, status, last_modified))
}
