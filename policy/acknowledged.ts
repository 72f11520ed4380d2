/** What a stack's settings say in so many words, by the same keys that the program reads. */
export interface Acknowledged {
  /** `berth:ssh.openToWorld` */
  readonly sshOpenToWorld: boolean;
  /** `berth:volume.deleteOnDestroy` */
  readonly dataDeletable: boolean;
}

/**
 * @param read a section under `berth:`, as the stack has it; undefined where it has none
 */
export function acknowledgedIn(read: (section: string) => unknown): Acknowledged {
  const says = (section: string, key: string): boolean => {
    const map = read(section);
    return typeof map === "object" && map !== null && Reflect.get(map, key) === true;
  };
  return { sshOpenToWorld: says("ssh", "openToWorld"), dataDeletable: says("volume", "deleteOnDestroy") };
}
