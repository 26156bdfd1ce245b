// Verifies requests, one a line of standard input as {secret, body, headers}, as a customer's server
// does, and says of each what it found.
import { createInterface } from "node:readline";
import { Webhook } from "standardwebhooks";

for await (const line of createInterface({ input: process.stdin })) {
  const { secret, body, headers } = JSON.parse(line);
  let found;
  try {
    found = { type: new Webhook(secret).verify(body, headers).type };
  } catch (error) {
    found = { refused: error.message };
  }
  console.log(JSON.stringify(found));
}
