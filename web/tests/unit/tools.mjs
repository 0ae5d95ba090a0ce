// Tools as a server tells them, for the tests.

const text = (description, more = {}) => ({ type: "string", description, ...more });
const object = (properties, required = []) => ({ type: "object", properties, required });

export const TOOLS = [
  {
    name: "search_runs",
    title: "Search runs",
    description: "Finds runs of an experiment.",
    class: "read",
    evidence: ["the name begins with search"],
    schema: object(
      {
        experiment_ids: { type: "array", items: { type: "string" } },
        filter: text("As in the UI"),
        max_results: { type: "integer", default: 100 },
      },
      ["experiment_ids"],
    ),
  },
  {
    name: "get_run",
    title: "Get a run",
    description: "One run with its metrics.",
    class: "read",
    evidence: ["the name begins with get"],
    schema: object({ run_id: text("The run") }, ["run_id"]),
  },
  {
    name: "set_model_alias",
    title: "Set an alias",
    description: "Lets an alias of a registered model point to a version.",
    class: "write",
    evidence: ["the name begins with set"],
    schema: object(
      { name: text("The model"), alias: text("The alias", { enum: ["champion", "challenger"] }), version: text("The version") },
      ["name", "alias", "version"],
    ),
  },
  { name: "create_model_alias", title: "Create an alias", description: "", class: "write", evidence: [], schema: null },
  {
    name: "run_query",
    title: "Run a query",
    description: "Runs SQL.",
    class: "execute",
    evidence: ["takes a query"],
    schema: object({ sql: text("The statement"), options: { type: "object", properties: { dry: { type: "boolean" } } } }, ["sql"]),
  },
  {
    name: "delete_run",
    title: "Delete a run",
    description: "Moves a run to the trash.",
    class: "destructive",
    evidence: ["the name begins with delete"],
    schema: object({ run_id: text("The run") }, ["run_id"]),
  },
  {
    name: "charge",
    title: "Charge a card",
    description: "Takes money.",
    class: "financial",
    evidence: ["takes an amount"],
    schema: object(
      {
        amount: { type: "number", description: "In euros" },
        currency: text("ISO 4217", { enum: ["EUR", "USD"] }),
        recurring: { anyOf: [{ type: "boolean" }, { type: "null" }] },
      },
      ["amount", "currency"],
    ),
  },
];
