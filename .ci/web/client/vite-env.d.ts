/** What Vite puts into import.meta.env. An app refers to the types "vite/client" instead of ImportMeta. */
interface ImportMetaEnv {
    /** Where the API is, without /api: http://localhost:8000 */
    readonly VITE_API_URL: string;
}

interface ImportMeta {
    readonly env: ImportMetaEnv;
}
