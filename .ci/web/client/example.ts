// How a web app calls the API, with types made from the API's own document. In .ci/web:
//
//     npx openapi-typescript ../../openapi.json --default-non-nullable=false -o client/api.d.ts
//     npx tsc -p client

import createClient from "openapi-fetch";
import type { components, paths } from "./api";

type Schemas = components["schemas"];
type Failure = Schemas["Error"]["error"];

const api = createClient<paths>({ baseUrl: import.meta.env.VITE_API_URL });

/** An answer that isn't a success, with the sentence to show to a person as its message. */
export class ApiError extends Error {
    readonly status: number;
    readonly code: Failure["code"];
    /** Finds the cause in the API's log. */
    readonly requestId: string;

    constructor(status: number, failure: Failure) {
        super(failure.message);
        this.status = status;
        this.code = failure.code;
        this.requestId = failure.requestId;
    }
}

type Answer<Data> = { response: Response } & (
    | { data: Data; error?: never }
    | { data?: never; error: Schemas["Error"] }
);

function unwrap<Data>({ data, error, response }: Answer<Data>): Data {
    if (error) throw new ApiError(response.status, error.error);
    return data as Data;
}

export async function listWorkspaces(): Promise<Schemas["Workspace"][]> {
    return unwrap(await api.GET("/api/workspaces"));
}

export async function createWorkspace(workspace: Schemas["CreateWorkspace"]): Promise<Schemas["Workspace"]> {
    return unwrap(await api.POST("/api/workspaces", { body: workspace }));
}

/** Creates a function of Python source, which travels as base64 of its UTF-8 bytes. */
export async function createFunction(workspaceId: string, name: string, source: string): Promise<Schemas["Function"]> {
    const bytes = Array.from(new TextEncoder().encode(source), (byte) => String.fromCharCode(byte));
    return unwrap(
        await api.POST("/api/workspaces/{workspaceId}/functions", {
            params: { path: { workspaceId } },
            body: { name, code: btoa(bytes.join("")), httpMethods: ["GET", "POST"] },
        }),
    );
}

/** What a function printed in its latest failures, the newest first. */
export async function linesOfFailures(workspaceId: string, functionId: string): Promise<string[]> {
    const { logs } = unwrap(
        await api.GET("/api/workspaces/{workspaceId}/functions/{functionId}/logs", {
            params: { path: { workspaceId, functionId }, query: { status: "error", limit: 10 } },
        }),
    );
    return logs.flatMap((log) => log.logs);
}

/** Deletes a workspace. That it is gone already is as good. */
export async function deleteWorkspace(workspaceId: string): Promise<void> {
    try {
        unwrap(await api.DELETE("/api/workspaces/{workspaceId}", { params: { path: { workspaceId } } }));
    } catch (error) {
        if (!(error instanceof ApiError && error.code === "NOT_FOUND")) throw error;
    }
}
