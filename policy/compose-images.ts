import { parseYaml } from "../src/compose/yaml.ts";
import { at, text } from "./inputs.ts";

export interface ServiceImage {
  readonly service: string;
  /** Undefined where the service names none, and Docker would build one. */
  readonly image: string | undefined;
}

/** A here-document of a shell script that lays down a file named compose.yaml: its body. */
const COMPOSE_FILE = /^[^\n]*\bcompose\.ya?ml[^\n]*<<'?(\w+)'?\n([\s\S]*?)\n\1$/gm;

/** The images of every Compose document in a script that lays files down (`src/release/document.ts` writes such a script). */
export function composeImages(script: string): ServiceImage[] {
  return [...script.matchAll(COMPOSE_FILE)].flatMap(([, , body = ""]) => {
    const services = at(parseYaml(body), "services");
    if (typeof services !== "object" || services === null) return [];
    return Object.entries(services).map(([service, definition]) => ({ service, image: text(at(definition, "image")) }));
  });
}
