//! Functions of the legacy backend.

use super::fields::{LegacyTime, fields};
use super::item_kind::is_current;
use super::migration::{MigrationAction, Orphan, Rewrite, is_orphan};
use crate::domain::{
    Auth, Code, Detected, Fields, Form, Function, FunctionFiles, FunctionId, FunctionSettings,
    Handler, Owner, RequiredPackages, Status, ValidationError, WorkspaceId,
};
use crate::error::Error;
use crate::store::Store;
use crate::store::item::{Item, is_deleted, owner_of};
use crate::store::keys;
use crate::store::record::{CodeRecord, FilesRecord, FunctionRecord};
use crate::store::retry::retry_unavailable;
use crate::store::transaction::Tag;

/// A function of the legacy backend, in its current form.
#[derive(Debug)]
pub struct LegacyFunction {
    read: Item,
    function: Function,
    /// The owner of its workspace; `None` while that is in its legacy form.
    owner: Option<Owner>,
}

impl Store {
    /// Plans what becomes of the function `id`, once its workspace is in the current form.
    ///
    /// Its source is the one in its item. Only without one it is the one in the bucket, which a
    /// failed change may have replaced.
    pub async fn plan_function(
        &self,
        ws: &WorkspaceId,
        id: &FunctionId,
    ) -> Result<MigrationAction<LegacyFunction>, Error> {
        let mut items = retry_unavailable(|| self.function_items(ws, id, None)).await?;
        let key = keys::function(ws, id);
        let Some(read) = items.remove(&key.sk).filter(|item| !is_current(item)) else {
            return Ok(MigrationAction::Keep);
        };
        if is_orphan(&read) {
            return Ok(MigrationAction::Delete(Orphan(key)));
        }
        let workspace = items.remove(&keys::workspace(ws).sk);
        if workspace.as_ref().is_none_or(is_deleted) {
            return Ok(MigrationAction::Skip("its workspace is not there".into()));
        }
        let owner = workspace.as_ref().and_then(owner_of);
        let owner = owner.map(|owner| Owner::from_stored(owner.to_owned()));
        let code = match fields(&read).and_then(|mut fields| Ok(fields.optional("code")?)) {
            Ok(Some(code)) => Ok(code),
            Ok(None) => self.published_source(ws, id).await?,
            Err(error) => return Ok(MigrationAction::Skip(error.to_string())),
        };
        let function = code
            .map_err(|ValidationError(reason)| Error::invalid("its source in the bucket", reason))
            .and_then(|code| function(ws, id, fields(&read)?, code));
        Ok(match function {
            Ok(function) => MigrationAction::Rewrite(LegacyFunction { read, function, owner }),
            Err(error) => MigrationAction::Skip(error.to_string()),
        })
    }

    /// Rewrites a function in the current form, counts it in its workspace and creates its usage
    /// item, in one transaction. The reconciler then deploys it.
    pub async fn rewrite_function(&self, legacy: &LegacyFunction) -> Result<Rewrite, Error> {
        let LegacyFunction { read, function, owner } = legacy;
        let Some(owner) = owner else { return Ok(Rewrite::Outdated) };
        let (ws, id) = (&function.workspace_id, &function.id);
        let code = CodeRecord::new(ws, id, &function.code);
        let key = code.code_key.clone();
        retry_unavailable(|| self.put_source(&key, &function.code)).await?;
        let record = FunctionRecord::new(owner, function, code, FilesRecord::default());
        let new = serde_dynamo::to_item(record).map_err(Error::internal)?;
        let mut others = vec![self.count_migrated_function(owner, ws)?];
        others.extend(self.begin_usage_in_transaction(owner, ws, id)?);
        let what = "DynamoDB TransactWriteItems, migrate function";
        let same = ["lastModified"];
        let rewrite = self.replace(what, Tag::Function, read, &same, new, others).await?;
        if rewrite == Rewrite::Outdated {
            self.discard(&key).await;
        }
        Ok(rewrite)
    }

    /// The copy of a source that the legacy backend wrote to the bucket.
    async fn published_source(
        &self,
        ws: &WorkspaceId,
        id: &FunctionId,
    ) -> Result<Result<Code, ValidationError>, Error> {
        let key = keys::published_code(ws, id);
        let Some(bytes) = retry_unavailable(|| self.get_object(&key)).await? else {
            return Ok(Err(ValidationError::because("is not there, and its item holds none")));
        };
        let source =
            String::from_utf8(bytes).map_err(|_| ValidationError::because("must be UTF-8"));
        Ok(source.and_then(Code::try_from))
    }
}

/// The current form of a function. Its source isn't checked for being Python: it was deployed before,
/// as a Spin component. So that is what a source is whose handler can't be found.
fn function(
    ws: &WorkspaceId,
    id: &FunctionId,
    mut fields: Fields,
    code: Code,
) -> Result<Function, Error> {
    let LegacyTime(last_modified) = fields.required("lastModified")?;
    // The legacy backend had no invocation keys.
    let settings =
        FunctionSettings { auth: Auth::default(), ..FunctionSettings::take(&mut fields)? };
    let status: Status = fields.optional("status")?.unwrap_or_default();
    let handler = Handler { form: Form::Spin, entry_point: None };
    let spin = Detected { handler, packages: RequiredPackages::default() };
    let detected = settings.detect(&code).unwrap_or(spin);
    Ok(Function::new(
        id.clone(),
        ws.clone(),
        settings,
        code,
        FunctionFiles::default(),
        detected,
        status,
        last_modified,
    ))
}
