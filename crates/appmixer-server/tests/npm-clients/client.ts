// Signs up, signs in, and administers, by a client that openapi-typescript has generated from /openapi.json.
// Arguments: the server's URL and an administrator's token.
import createClient from "openapi-fetch";
import type { components, paths } from "./api";

const [baseUrl = "", admin = ""] = process.argv.slice(2);
const client = createClient<paths>({ baseUrl });

function check(condition: unknown, what: string): asserts condition {
  if (!condition) throw new Error(what);
}

const password = "abc321";
const signUp = await client.POST("/user", { body: { username: "ts@acme", password } });
check(signUp.data, JSON.stringify(signUp.error));
const signIn = await client.POST("/user/auth", { body: { email: "ts@acme", password } });
check(signIn.data, JSON.stringify(signIn.error));
const token: string = signIn.data.token;

const headers = { Authorization: `Bearer ${token}` };
const own = await client.GET("/user", { headers });
check(own.data?.username === "ts@acme" && own.data.scope.includes("user"), JSON.stringify(own));

const refused = await client.POST("/user/auth", { body: { username: "ts@acme", password: "abc322" } });
const error: components["schemas"]["Error"] | undefined = refused.error;
check(error?.statusCode === 403, JSON.stringify(refused));

const asAdmin = { Authorization: `Bearer ${admin}` };
const list = await client.GET("/users", { headers: asAdmin, params: { query: { limit: 1, pattern: "ts@" } } });
check(list.data?.length === 1, JSON.stringify(list));
const entry = await client.POST("/config", { headers: asAdmin, body: { key: "APP_NAME", value: "Acme" } });
check(entry.data?.value === "Acme", JSON.stringify(entry));
const ruling = await client.POST("/acl/{type}/check", {
  headers: asAdmin,
  params: { path: { type: "routes" } },
  body: { user: "ts@acme", resource: "flows", action: "read" },
});
check(ruling.data?.allowed === true, JSON.stringify(ruling));

// @ts-expect-error Neither name is given.
client.POST.bind(client, "/user/auth", { body: { password } });
console.log("done");
