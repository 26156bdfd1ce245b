// The story with openapi-fetch and the types of openapi-typescript, which are there as api.d.ts.
// Run with the address of the API and the keys as JSON; prints what it met, as JSON.

import { randomUUID } from "node:crypto";
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

type Code = components["schemas"]["ErrorCodeEnum"];
type Refused = components["schemas"]["Error"];
type Entry = components["schemas"]["Entry"];
type Answer<T> = { data?: T; error?: Refused; response: Response };

const base = process.argv[2] ?? "";
const keys: { own: string; read: string; hasty: string; patience: number } = JSON.parse(
  process.argv[3] ?? "",
);
const client = (key: string) =>
  createClient<paths>({ baseUrl: base, headers: { Authorization: `Bearer ${key}` } });

function done<T>({ data, error }: Answer<T>): T {
  if (data === undefined) throw new Error(JSON.stringify(error));
  return data;
}
function code<T>({ error }: Answer<T>): Code {
  if (error === undefined) throw new Error("This was not refused.");
  return error.error.code;
}

const own = client(keys.own);
const { account } = done(await own.GET("/api/v1/wallet"));
const ended_at = new Date(Date.now() - 60_000).toISOString();
const call = (id: string, campaign: string): components["schemas"]["ReportShape"] => ({
  id,
  account,
  campaign,
  seconds: 60,
  ended_at,
  outcome: "completed",
});
const batch = { calls: [call("call-1", "spring-1"), call("call-2", "autumn-1")] };
const reported = done(await own.POST("/api/v1/calls", { body: batch })).results;

const entries: Entry[] = [];
let pages = 0;
let cursor: string | null = null;
do {
  const query: { limit: number; cursor?: string } = { limit: 2, ...(cursor && { cursor }) };
  const page: components["schemas"]["Entries"] = done(
    await own.GET("/api/v1/wallet/entries", { params: { query } }),
  );
  entries.push(...page.results);
  pages += 1;
  cursor = page.next_cursor;
} while (cursor !== null);

const settings: components["schemas"]["NewSettings"] = {
  enabled: true,
  threshold: "10.00",
  amount: "50.00",
  monthly_limit: null,
  payment_method: "",
  resume_campaigns: true,
};
const saved = done(await own.PUT("/api/v1/wallet/auto-recharge", { body: settings }));

const recharge = (amount: string) =>
  own.POST("/api/v1/wallet/recharges", {
    params: { header: { "Idempotency-Key": "order-1" } },
    body: { amount, buys: "credit", payment_method: "" },
  });
const twice = [await recharge("50.00"), await recharge("50.00")];

const refused: Record<string, Code> = {
  "400": code(
    await own.POST("/api/v1/calls/authorize", {
      body: { account, campaign: "spring-1", minute_type: "premium", live: 0 },
    }),
  ),
  "401": code(await client("tb_unknown").GET("/api/v1/wallet")),
  "403": code(await client(keys.read).PUT("/api/v1/wallet/auto-recharge", { body: settings })),
  "404": code(
    await own.GET("/api/v1/wallet/recharges/{purchase_id}", {
      params: { path: { purchase_id: randomUUID() } },
    }),
  ),
  "409": code(
    await own.POST("/api/v1/campaigns/{external_id}/{step}", {
      params: { path: { external_id: "over-1", step: "start" } },
    }),
  ),
  "422": code(await recharge("60.00")),
};
for (let tried = 0; tried < keys.patience; tried += 1) {
  const answer = await client(keys.hasty).GET("/api/v1/wallet");
  if (answer.error !== undefined) {
    refused["429"] = code(answer);
    break;
  }
}

console.log(
  JSON.stringify({
    reported: reported.map((one) => [one.id, one.status, one.error?.code ?? null]),
    entries: entries.map((one) => one.id),
    pages,
    auto_recharge: [saved.settings.enabled, saved.decision.code],
    recharges: twice.map((one) => [one.response.status, done(one).id]),
    refused,
  }),
);
