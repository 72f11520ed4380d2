import { createHash } from "node:crypto";

export interface EmailJob {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

export interface EmailResult {
  readonly messageId: string;
  readonly bytes: number;
}

/** Hands a finished message on; the reference application writes it to its log, for want of a mail server. */
export type Deliver = (message: string, job: EmailJob) => Promise<void>;

/** Compose the message as it would go over the wire (RFC 5322) and deliver it. */
export async function processEmail(job: EmailJob, deliver: Deliver): Promise<EmailResult> {
  const digest = createHash("sha256").update(JSON.stringify(job)).digest("hex").slice(0, 32);
  const messageId = `<${digest}@berth-app>`;
  const message = [
    `Message-ID: ${messageId}`,
    `To: ${job.to}`,
    `Subject: =?UTF-8?B?${Buffer.from(job.subject).toString("base64")}?=`,
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: base64",
    "",
    ...(Buffer.from(job.text).toString("base64").match(/.{1,76}/g) ?? []),
    "",
  ].join("\r\n");
  await deliver(message, job);
  return { messageId, bytes: Buffer.byteLength(message) };
}
