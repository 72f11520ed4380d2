import type { z } from "zod";

/** HTTP status of each code, as the API reference lists them. Clients decide by code; the status is for people and proxies. */
const STATUS = {
  json_error: 400,
  unauthorized: 401,
  forbidden: 403,
  resource_limit_exceeded: 403,
  not_found: 404,
  method_not_allowed: 405,
  uniqueness_error: 409,
  conflict: 409,
  resource_unavailable: 412,
  invalid_input: 422,
  unsupported_error: 422,
  invalid_server_type: 422,
  server_not_stopped: 422,
  server_already_attached: 422,
  primary_ip_assigned: 422,
  primary_ip_already_assigned: 422,
  primary_ip_datacenter_mismatch: 422,
  primary_ip_version_mismatch: 422,
  server_has_ipv4: 422,
  server_has_ipv6: 422,
  volume_already_attached: 422,
  firewall_already_applied: 422,
  firewall_resource_not_found: 422,
  networks_overlap: 422,
  ip_not_available: 422,
  no_subnet_available: 422,
  resource_in_use: 422,
  locked: 423,
  protected: 423,
  rate_limit_exceeded: 429,
  server_error: 500,
  bad_gateway: 502,
  maintenance: 503,
  timeout: 504,
} as const;

export type ErrorCode = keyof typeof STATUS;

export interface FieldFault {
  readonly name: string;
  readonly messages: readonly string[];
}

/** An answer that is an error, in the shape of Hetzner's. */
export class ApiError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly details: unknown;

  constructor(code: ErrorCode, message: string, details: unknown = null) {
    super(message);
    this.code = code;
    this.status = STATUS[code];
    this.details = details;
  }
}

/** `invalid_input` names each field; the message lists the names, as Hetzner's does. */
export function invalidInput(fields: readonly FieldFault[]): ApiError {
  return new ApiError("invalid_input", `invalid input in ${fields.length === 1 ? "field" : "fields"} ${fields.map((field) => `'${field.name}'`).join(", ")}`, { fields });
}

export function invalidField(name: string, message: string): ApiError {
  return invalidInput([{ name, messages: [message] }]);
}

export function fieldFaults(error: z.ZodError): FieldFault[] {
  const byName = new Map<string, string[]>();
  for (const issue of error.issues) {
    const name = issue.path.join(".");
    byName.set(name, [...(byName.get(name) ?? []), issue.message]);
  }
  return [...byName].map(([name, messages]) => ({ name, messages }));
}

export function notFound(what: string, id: number | string): ApiError {
  return new ApiError("not_found", `${what} with ID '${id}' not found`);
}

export function notUnique(field: string, message: string): ApiError {
  return new ApiError("uniqueness_error", message, { fields: [{ name: field }] });
}
