"""Lives of a server, a volume, a firewall, an address and a network, through Hetzner's own client.

usage: lifecycle.py ENDPOINT TOKEN
"""

import sys
import time

from hcloud import APIException, Client
from hcloud.firewalls import FirewallResource, FirewallRule
from hcloud.images import Image
from hcloud.locations import Location
from hcloud.networks import NetworkSubnet
from hcloud.server_types import ServerType
from hcloud.servers import ServerCreatePublicNetwork

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDI1NTE5AAAAIDI1NTE5AAAAIDI1NTE5AAAAIDI1 deploy"
client = Client(token=sys.argv[2], api_endpoint=sys.argv[1], poll_interval=0.02)
nbg1 = Location(name="nbg1")


def refused(what, call):
    try:
        call()
    except APIException as error:
        print(f"{what}: {error.code}")
    else:
        raise SystemExit(f"{what}: must be refused")


def wait(response):
    response.action.wait_until_finished()
    for action in response.next_actions or []:
        action.wait_until_finished()


key = client.ssh_keys.create(name="deploy", public_key=KEY)
refused("same key again", lambda: client.ssh_keys.create(name="again", public_key=KEY))

rule = FirewallRule(direction="in", protocol="tcp", port="80", source_ips=["0.0.0.0/0", "::/0"])
firewall = client.firewalls.create(name="web", rules=[rule]).firewall
address = client.primary_ips.create(type="ipv4", name="web", location=nbg1).primary_ip

created = client.servers.create(
    name="web",
    server_type=ServerType(name="cx23"),
    image=Image(name="debian-13"),
    location=nbg1,
    ssh_keys=[key],
    firewalls=[firewall],
    public_net=ServerCreatePublicNetwork(enable_ipv4=True, enable_ipv6=True, ipv4=address),
    user_data="#cloud-config\n",
    labels={"stack": "test"},
)
wait(created)
server = client.servers.get_by_name("web")
print(f"server: {server.status}, {server.server_type.name}, {server.server_type.memory:g} GB, {server.image.name}, {server.public_net.ipv4.ip}")
print(f"by label: {[it.name for it in client.servers.get_all(label_selector='stack=test')]}")

volume_made = client.volumes.create(size=10, name="data", location=nbg1, format="ext4")
wait(volume_made)
volume = client.volumes.get_by_id(volume_made.volume.id)
volume.attach(server, automount=False).wait_until_finished()
refused("attached volume deleted", volume.delete)
volume.resize(20).wait_until_finished()
volume.reload()
print(f"volume: {volume.status}, {volume.size} GB, at {'the server' if volume.server.id == server.id else 'another'}, {volume.linux_device.replace(str(volume.id), 'ID')}")

for action in firewall.set_rules([rule, FirewallRule(direction="in", protocol="icmp", source_ips=["0.0.0.0/0"])]):
    action.wait_until_finished()
firewall.reload()
print(f"firewall: {[it.protocol for it in firewall.rules]}, applied to {len(firewall.applied_to)}")
refused("firewall in use deleted", firewall.delete)

network = client.networks.create(name="net", ip_range="10.0.0.0/16")
network.add_subnet(NetworkSubnet(type="cloud", network_zone="eu-central", ip_range="10.0.1.0/24")).wait_until_finished()
server.attach_to_network(network, ip="10.0.1.5").wait_until_finished()
server.reload()
print(f"private: {server.private_net[0].ip}")

server.reboot().wait_until_finished()
refused("type changed while running", lambda: server.change_type(ServerType(name="cx33"), upgrade_disk=False))
server.shutdown().wait_until_finished()
for _ in range(50):
    server.reload()
    if server.status == "off":
        break
    time.sleep(0.02)
print(f"after shutdown: {server.status}")
server.change_type(ServerType(name="cx33"), upgrade_disk=False).wait_until_finished()
server.reload()
print(f"after change of type: {server.status}, {server.server_type.name}")
server.change_protection(delete=True, rebuild=True).wait_until_finished()
refused("protected server deleted", server.delete)
server.change_protection(delete=False, rebuild=False).wait_until_finished()

volume.detach().wait_until_finished()
for action in firewall.remove_from_resources([FirewallResource(type="server", server=server)]):
    action.wait_until_finished()
server.detach_from_network(network).wait_until_finished()
server.delete().wait_until_finished()
refused("deleted server read", lambda: client.servers.get_by_id(server.id))
volume.delete()
firewall.delete()
network.delete()
address.delete()
key.delete()

kinds = ["servers", "volumes", "firewalls", "primary_ips", "networks", "ssh_keys"]
print("left over: " + ", ".join(f"{len(getattr(client, kind).get_all())} {kind}" for kind in kinds))
