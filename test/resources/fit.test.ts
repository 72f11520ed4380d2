import { expect, test } from "vitest";
import { notAnswered } from "../../src/resources/fit.ts";

/** What Pulumi and the provider say, as seen with 3.259 and 1.41.0. */
const FRAME = "invocation of hcloud:index/getServerType:getServerType returned an error: ";

test.each([
  ["no token", '[AttributeName("token")] Missing Hetzner Cloud API token: While configuring the provider, the Hetzner Cloud API token was not found in the HCLOUD_TOKEN environment variable',
    "required a token of the project's API; found none; export HCLOUD_TOKEN, or keep it with the stack (npx berth init prod --store-token); nothing was touched"],
  ["no network", 'API request failed: Get "https://api.hetzner.cloud/v1/server_types?name=cx33": dial tcp: lookup api.hetzner.cloud: no such host',
    'required an answer; found API request failed: Get "https://api.hetzner.cloud/v1/server_types?name=cx33": dial tcp: lookup api.hetzner.cloud: no such host; look at the network, and whether the token is this project\'s and may read and write; nothing was touched'],
])("Hetzner cannot be asked: %s", (_, said, told) => {
  expect(notAnswered(`${FRAME}${said}`, "prod")).toBe(`asking Hetzner for its server types and for this stack's servers and volumes: ${told}`);
});
