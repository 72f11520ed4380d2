/** Bound on a first boot, in seconds: beyond the slowest seen, with a mirror that was slow. */
const BOUND_SECONDS = 600;

/** What cloud-init's log holds beside what went wrong: its own banners, keys, and packages on their way. */
const NOISE = "^$|^ci-info:|^<14>|^-----|^ssh-|^Cloud-init v|^(Get|Hit|Ign):|^(Fetched|Reading|Building|Selecting|Preparing|Unpacking|Setting up|Processing) |^[0-9-]+ [0-9:,]+ - ";

/**
 * Shell text that waits for the end of a host's first boot, which installs Docker, and ends the document when it failed: with what it said last and
 * what to do. cloud-init's exit code 2 is a recoverable error (a slow mirror, say): the host is usable.
 * @param server name of the server's Pulumi resource
 */
export function awaitFirstBoot(server: string): string {
  return `# A first boot happens once, and installs Docker.
code=0
timeout ${BOUND_SECONDS} cloud-init status --wait </dev/null >/dev/null 2>&1 || code=$?
if [ "$code" != 0 ] && [ "$code" != 2 ]; then
  {
    if [ "$code" = 124 ]; then echo "berth: first boot: required: it ends within ${BOUND_SECONDS} s; found: it goes on. It said last:"
    else echo "berth: first boot: required: it installs what Berth needs; found: it failed. It said last:"; fi
    grep -avE '${NOISE}' "\${BERTH_ROOT:-}/var/log/cloud-init-output.log" | tail -n 12 | cut -c 1-300 | sed 's/^/  /'
    cloud-init status --long </dev/null | sed -n 's/^[[:space:]]*- /  cloud-init: /p' | head -n 3 | cut -c 1-160
    if [ "$code" = 124 ]; then echo "Run the same command again: it goes on waiting. The log: /var/log/cloud-init-output.log on the server."
    else
      echo "Mend what it says; a mirror or a network that was away: wait. Then make the server anew (address and data stay):"
      echo "  npx pulumi up --replace '**server:Server::${server}'"
    fi
  } >&2
  exit 1
fi
`;
}
