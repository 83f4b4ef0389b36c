import { ClusterError } from "@murmur/base";
import { configId, secretId, type Config, type PayloadKind, type Secret } from "@murmur/model";
import type { View } from "@murmur/store";
import type { Hono } from "hono";
import { Filters } from "../docker/filters.ts";
import { checkedBytes, fromConfig, fromSecret, toPayload, type PayloadInput } from "../docker/payload.ts";
import type { FindPayload } from "../docker/payload-reference.ts";
import type { PayloadCreated } from "../docker/payload-types.ts";
import { readJson } from "./body.ts";
import type { ClusterAccess } from "./context.ts";
import { findConfig, findSecret } from "./lookup.ts";
import { versionQuery } from "./query.ts";

/** A config's bytes in base64, and as many labels again. */
const BODY_BYTES_MAX = 3 * 1024 * 1024;

/** Secrets and configs: alike, but that a secret is sealed before it goes anywhere, and that its bytes never come back. */
export function addPayloadRoutes(app: Hono, access: ClusterAccess): void {
  addSecretRoutes(app, access);
  addConfigRoutes(app, access);
}

function addSecretRoutes(app: Hono, access: ClusterAccess): void {
  app.get("/secrets", async (context) => {
    const filters = Filters.parse(context.req.query("filters"), ["id", "name", "names", "label"]);
    const secrets = (await access.read(context)).secrets().filter((secret) => fits(secret, filters));
    return context.json(secrets.map(fromSecret));
  });

  app.get("/secrets/:id", async (context) => {
    return context.json(fromSecret(findSecret(await access.read(context), context.req.param("id"))));
  });

  app.post("/secrets/create", async (context) => {
    const input = toPayload("secret", await readJson(context.req.raw, BODY_BYTES_MAX));
    const bytes = checkedBytes("secret", input);
    const id = secretId(access.ports.newId());
    refuseTaken("secret", (await access.read(context, "local")).secretByName(input.spec.name));
    const sealed = await access.cluster().seal(bytes, id);
    await access.submit(context, { kind: "createSecret", id, spec: input.spec, sealed });
    const answer: PayloadCreated = { ID: id };
    return context.json(answer, 201);
  });

  app.post("/secrets/:id/update", async (context) => {
    const version = versionQuery(context.req.query("version"), "secret");
    const input = toPayload("secret", await readJson(context.req.raw, BODY_BYTES_MAX));
    const { object } = await access.readForUpdate(context, version, (view) =>
      findSecret(view, context.req.param("id")),
    );
    if (input.bytes !== undefined && !access.cluster().isSealed(object, input.bytes)) throw onlyLabels();
    await access.submit(context, { kind: "updateSecret", id: object.id, version, spec: kept(input, object) });
    return context.body(null, 200);
  });

  app.delete("/secrets/:id", async (context) => {
    const { id } = findSecret(await access.read(context), context.req.param("id"));
    await access.submit(context, { kind: "removeSecret", id });
    return context.body(null, 204);
  });
}

function addConfigRoutes(app: Hono, access: ClusterAccess): void {
  app.get("/configs", async (context) => {
    const filters = Filters.parse(context.req.query("filters"), ["id", "name", "label"]);
    const configs = (await access.read(context)).configs().filter((config) => fits(config, filters));
    return context.json(configs.map(fromConfig));
  });

  app.get("/configs/:id", async (context) => {
    return context.json(fromConfig(findConfig(await access.read(context), context.req.param("id"))));
  });

  app.post("/configs/create", async (context) => {
    const input = toPayload("config", await readJson(context.req.raw, BODY_BYTES_MAX));
    const data = base64Of(checkedBytes("config", input));
    const id = configId(access.ports.newId());
    refuseTaken("config", (await access.read(context, "local")).configByName(input.spec.name));
    await access.submit(context, { kind: "createConfig", id, spec: input.spec, data });
    const answer: PayloadCreated = { ID: id };
    return context.json(answer, 201);
  });

  app.post("/configs/:id/update", async (context) => {
    const version = versionQuery(context.req.query("version"), "config");
    const input = toPayload("config", await readJson(context.req.raw, BODY_BYTES_MAX));
    const { object } = await access.readForUpdate(context, version, (view) =>
      findConfig(view, context.req.param("id")),
    );
    if (input.bytes !== undefined && base64Of(input.bytes) !== object.data) throw onlyLabels();
    await access.submit(context, { kind: "updateConfig", id: object.id, version, spec: kept(input, object) });
    return context.body(null, 200);
  });

  app.delete("/configs/:id", async (context) => {
    const { id } = findConfig(await access.read(context), context.req.param("id"));
    await access.submit(context, { kind: "removeConfig", id });
    return context.body(null, 204);
  });
}

/** A service's references, as its request has them: by id, else by name. Errors as Docker's. */
export const payloadsIn =
  (view: View): FindPayload =>
  (kind, { id, name }) => {
    const found =
      kind === "secret"
        ? (view.secret(secretId(id)) ?? view.secretByName(id === "" ? name : id))
        : (view.config(configId(id)) ?? view.configByName(id === "" ? name : id));
    if (found !== undefined) return { id: found.id, name: found.spec.name };
    throw new ClusterError("invalid_argument", `${kind} not found: ${name === "" ? id : name}`);
  };

const base64Of = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

/** An update that leaves the template driver out keeps it. */
const kept = ({ spec }: PayloadInput, { spec: before }: Secret | Config): Secret["spec"] =>
  before.templating === undefined ? spec : { templating: before.templating, ...spec };

/** Said before anything is sealed and sent; `apply` says it for certain. */
function refuseTaken(kind: PayloadKind, namesake: Secret | Config | undefined): void {
  if (namesake === undefined) return;
  throw new ClusterError("already_exists", `${kind} ${namesake.spec.name} already exists`);
}

const onlyLabels = (): ClusterError => new ClusterError("invalid_argument", "only updates to Labels are allowed");

const fits = ({ id, spec }: Secret | Config, filters: Filters): boolean =>
  filters.beginsWith("id", id) &&
  filters.beginsWith("name", spec.name) &&
  filters.is("names", spec.name) &&
  filters.hasLabels("label", spec.labels);
