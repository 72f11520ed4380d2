/**
 * What Hetzner sells, as far as a program can ask: sizes and places are the real ones (public price list, 2026), stock is
 * endless until a test says otherwise.
 */
export interface Location {
  readonly id: number;
  readonly name: string;
  readonly description: string;
  readonly country: string;
  readonly city: string;
  readonly latitude: number;
  readonly longitude: number;
  readonly network_zone: string;
}

export interface ServerType {
  readonly id: number;
  readonly name: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly diskGb: number;
  readonly architecture: "x86" | "arm";
  readonly cpu: "shared" | "dedicated";
  readonly category: string;
  readonly locations: readonly string[];
}

export interface Image {
  readonly id: number;
  readonly name: string;
  readonly flavor: string;
  readonly version: string;
  readonly architecture: "x86" | "arm";
}

export const LOCATIONS: readonly Location[] = [
  { id: 1, name: "fsn1", description: "Falkenstein DC Park 1", country: "DE", city: "Falkenstein", latitude: 50.47612, longitude: 12.370071, network_zone: "eu-central" },
  { id: 2, name: "nbg1", description: "Nuremberg DC Park 1", country: "DE", city: "Nuremberg", latitude: 49.452102, longitude: 11.076665, network_zone: "eu-central" },
  { id: 3, name: "hel1", description: "Helsinki DC Park 1", country: "FI", city: "Helsinki", latitude: 60.169855, longitude: 24.938379, network_zone: "eu-central" },
  { id: 4, name: "ash", description: "Ashburn, VA", country: "US", city: "Ashburn, VA", latitude: 39.045821, longitude: -77.487073, network_zone: "us-east" },
  { id: 5, name: "hil", description: "Hillsboro, OR", country: "US", city: "Hillsboro, OR", latitude: 45.54222, longitude: -122.951924, network_zone: "us-west" },
  { id: 6, name: "sin", description: "Singapore", country: "SG", city: "Singapore", latitude: 1.283333, longitude: 103.833333, network_zone: "ap-southeast" },
];

/** One data centre a location; Hetzner deprecates them in favour of the location. */
export const DATACENTERS: readonly { readonly id: number; readonly name: string; readonly location: string }[] = [
  { id: 4, name: "fsn1-dc14", location: "fsn1" },
  { id: 2, name: "nbg1-dc3", location: "nbg1" },
  { id: 3, name: "hel1-dc2", location: "hel1" },
  { id: 5, name: "ash-dc1", location: "ash" },
  { id: 6, name: "hil-dc1", location: "hil" },
  { id: 7, name: "sin-dc1", location: "sin" },
];

const EU = ["fsn1", "nbg1", "hel1"];
const EVERYWHERE = LOCATIONS.map((location) => location.name);

function family(category: string, cpu: ServerType["cpu"], architecture: ServerType["architecture"], locations: readonly string[], sizes: readonly (readonly [number, string, number, number, number])[]): ServerType[] {
  return sizes.map(([id, name, cores, memoryGb, diskGb]) => ({ id, name, cores, memoryGb, diskGb, architecture, cpu, category, locations }));
}

export const SERVER_TYPES: readonly ServerType[] = [
  ...family("cost_optimized", "shared", "x86", EU, [[114, "cx23", 2, 4, 40], [115, "cx33", 4, 8, 80], [116, "cx43", 8, 16, 160], [117, "cx53", 16, 32, 320]]),
  ...family("cost_optimized", "shared", "arm", EU, [[45, "cax11", 2, 4, 40], [93, "cax21", 4, 8, 80], [94, "cax31", 8, 16, 160], [95, "cax41", 16, 32, 320]]),
  ...family("regular_purpose", "shared", "x86", EVERYWHERE, [[109, "cpx22", 2, 4, 80], [110, "cpx32", 4, 8, 160], [111, "cpx42", 8, 16, 320]]),
  ...family("general_purpose", "dedicated", "x86", EVERYWHERE, [[96, "ccx13", 2, 8, 80], [97, "ccx23", 4, 16, 160], [98, "ccx33", 8, 32, 240]]),
];

export const IMAGES: readonly Image[] = [
  { id: 310557660, name: "debian-13", flavor: "debian", version: "13", architecture: "x86" },
  { id: 310557661, name: "debian-13", flavor: "debian", version: "13", architecture: "arm" },
  { id: 114690387, name: "debian-12", flavor: "debian", version: "12", architecture: "x86" },
  { id: 114690389, name: "debian-12", flavor: "debian", version: "12", architecture: "arm" },
  { id: 161547269, name: "ubuntu-24.04", flavor: "ubuntu", version: "24.04", architecture: "x86" },
  { id: 161547270, name: "ubuntu-24.04", flavor: "ubuntu", version: "24.04", architecture: "arm" },
];

/** By id or by name, as every request may name them. */
export function byIdOrName<T extends { readonly id: number; readonly name: string }>(all: readonly T[], given: number | string): T | undefined {
  return all.find((item) => item.id === given || String(item.id) === given || item.name === given);
}
