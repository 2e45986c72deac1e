// Mistakes that the types have to refuse. Each line marked so is an error of the
// compiler if it isn't one: that is how a document shows whose types are too wide.

import { createFunction, createWorkspace, listWorkspaces } from "./example";
import type { components } from "./api";

type Schemas = components["schemas"];

export async function mistakes(): Promise<void> {
    // @ts-expect-error A workspace has a name.
    await createWorkspace({ description: "nameless" });
    // @ts-expect-error A name is a text.
    await createWorkspace({ name: 1 });

    const [first] = await listWorkspaces();
    // @ts-expect-error There may be no workspace.
    first.name.trim();
    // @ts-expect-error A workspace has no field of that name.
    first?.title;

    const made = await createFunction("ws-1", "hello", "def handler(event, context): ...");
    // @ts-expect-error There is no URL before the function is deployed.
    made.invocationUrl.trim();

    // @ts-expect-error A function is active or disabled.
    const patch: Schemas["PatchFunction"] = { status: "paused" };
    // @ts-expect-error There is no error of that code.
    const code: Schemas["Error"]["error"]["code"] = "TEAPOT";
    console.log(patch, code);
}
