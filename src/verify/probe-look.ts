import { type IncomingMessage, request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect as connectTcp } from "node:net";
import { connect as connectTls } from "node:tls";
import { type Fact, known, notKnown } from "./fact.ts";
import { messageOf } from "./words.ts";

/** The probe's three ways to look: a port, an answer, a certificate. Each is bounded and none throws. */

const CONNECT_MS = 3000;
const ANSWER_MS = 10_000;

export type PortState = "open" | "refused" | "silent";

/** A TCP connection. `silent`: no answer within three seconds, as a firewall that drops gives none. */
export function lookAtPort(host: string, port: number): Promise<{ state: PortState; detail: string }> {
  return new Promise((resolve) => {
    const socket = connectTcp({ host, port });
    const finish = (state: PortState, detail: string) => {
      socket.destroy();
      resolve({ state, detail });
    };
    socket.setTimeout(CONNECT_MS);
    socket.once("connect", () => { finish("open", "open"); });
    socket.once("timeout", () => { finish("silent", `no answer within ${CONNECT_MS / 1000} s`); });
    socket.once("error", (error: NodeJS.ErrnoException) => { finish("refused", error.code ?? error.message); });
  });
}

export interface Answer {
  readonly status: number;
  /** The Date header; undefined without one. */
  readonly date: string | undefined;
  /** Local time around the request, in milliseconds. */
  readonly sentAt: number;
  readonly heardAt: number;
}

export interface Target {
  readonly address: string;
  readonly port: number;
  /** Set: HTTPS, under this name. */
  readonly domain?: string;
  readonly untrusted: boolean;
}

/** One GET straight to the address, under the domain's name: it does not depend on DNS, which may be on its way. */
export function lookAtAnswer({ address, port, domain, untrusted }: Target, path: string): Promise<Fact<Answer>> {
  return new Promise((resolve) => {
    const sentAt = Date.now();
    const common = { host: address, port, path, method: "GET", timeout: ANSWER_MS, agent: false } as const;
    const answered = (response: IncomingMessage) => {
      response.resume();
      resolve(known({ status: response.statusCode ?? 0, date: response.headers.date, sentAt, heardAt: Date.now() }));
    };
    const request = domain === undefined
      ? httpRequest(common, answered)
      : httpsRequest({ ...common, servername: domain, headers: { host: domain }, rejectUnauthorized: !untrusted }, answered);
    request.once("timeout", () => { request.destroy(new Error(`no answer within ${ANSWER_MS / 1000} s`)); });
    request.once("error", (error) => { resolve(notKnown(messageOf(error))); });
    request.end();
  });
}

export interface Certificate {
  /** Why it is not trusted for the name; undefined when it is. */
  readonly fault: string | undefined;
  readonly validFrom: string;
  readonly validTo: string;
  readonly issuer: string;
}

export function lookAtCertificate(address: string, port: number, domain: string): Promise<Fact<Certificate>> {
  return new Promise((resolve) => {
    const socket = connectTls({ host: address, port, servername: domain, rejectUnauthorized: false });
    const finish = (fact: Fact<Certificate>) => {
      socket.destroy();
      resolve(fact);
    };
    socket.setTimeout(ANSWER_MS);
    socket.once("secureConnect", () => {
      const { valid_from: validFrom, valid_to: validTo, issuer } = socket.getPeerCertificate();
      // A private authority may have a name and no organisation.
      const by = issuer.O ?? issuer.CN;
      finish(known({ fault: socket.authorized ? undefined : messageOf(socket.authorizationError), validFrom, validTo, issuer: (Array.isArray(by) ? by.join(" ") : by) ?? "unknown" }));
    });
    socket.once("timeout", () => { finish(notKnown(`no answer within ${ANSWER_MS / 1000} s`)); });
    socket.once("error", (error) => { finish(notKnown(messageOf(error))); });
  });
}
