import { expect, test } from "vitest";
import { caddyfile } from "../../src/host/caddyfile.ts";
import { stack } from "../helpers/stack.ts";

test("without a domain: plain HTTP for any name, and no certificate is asked for", () => {
  expect(caddyfile(stack())).toMatchInlineSnapshot(`
    "# Rendered by Berth (src/host/caddyfile.ts).
    {
    	# No API to change this at run time: a changed Caddyfile is a new container.
    	admin off
    	# Open requests have this long when the proxy stops.
    	grace_period 10s
    	auto_https off
    	servers {
    		protocols h1 h2
    	}
    }

    :80 {
    	# Standard output, where Docker bounds it. Caddy leaves Cookie and Authorization out.
    	log

    	# The operators' paths are for the verifier and for people on the server, not for the world.
    	@operators path /ops /ops/*
    	respond @operators 404

    	encode gzip

    	# X-Forwarded-For, -Host and -Proto are set by Caddy; what a client sends under these names is not passed on.
    	reverse_proxy api:3000 {
    		# While the API is restarted requests wait, and only those that never reached it are sent again.
    		lb_try_duration 30s
    		lb_try_interval 250ms
    	}
    }

    http://:2015 {
    	# The container's health check.
    	bind 127.0.0.1
    	respond 200
    }
    "
  `);
});

test("with a domain: the certificate authority's address and mail, and 404 for other names", () => {
  const text = caddyfile(stack({ domain: "app.example.com", acme: { email: "ops@example.com", staging: true } }));
  expect(text).toContain("\temail ops@example.com\n\tacme_ca https://acme-staging-v02.api.letsencrypt.org/directory\n");
  expect(text).toMatch(/^app\.example\.com \{$/m);
  expect(text).toMatch(/^:80 \{\n.*\n\trespond 404\n\}$/m);
  expect(text).not.toContain("auto_https off");
});

test("another authority is asked at its directory, and before the staging one", () => {
  const acme = { directory: "https://ca.example.com:14000/dir", staging: true };
  expect(caddyfile(stack({ domain: "app.example.com", acme }))).toContain("\tacme_ca https://ca.example.com:14000/dir\n");
});

test("the production authority is Caddy's own choice", () => {
  expect(caddyfile(stack({ domain: "app.example.com" }))).not.toMatch(/acme_ca|email/);
});

test("the operators' paths end here", () => {
  expect(caddyfile(stack())).toContain("\t@operators path /ops /ops/*\n\trespond @operators 404\n");
});

test("requests wait through a restart of the API", () => {
  expect(caddyfile(stack({ app: { port: 8080 } }))).toMatch(/reverse_proxy api:8080 \{[^}]*lb_try_duration 30s/s);
});
