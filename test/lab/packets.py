"""Crafted 6in4 packets (RFC 4213), for the lab.

    packets.py send     reads cases from standard input, one of JSON a line, and sends each; run in a client's namespace
    packets.py listen   prints the name of each case that arrives; run in the internet host's

A case: name; outer, inner: source addresses; to: the inner destination; hiding: an address whose /64 stands in an IP
option at the place of the inner source; fragment: octets a fragment.
"""

import json
import socket
import struct
import sys

PORT = 4646
SERVER = "192.0.2.1"
MORE_FRAGMENTS = 0x2000


def checksum(octets):
    total = sum(struct.unpack("!%dH" % (len(octets) // 2), octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def inner_packet(source, destination, name):
    payload = name.encode().ljust(200)
    ends = socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, destination)
    length = 8 + len(payload)
    pseudo = ends + struct.pack("!II", length, socket.IPPROTO_UDP)
    blank = struct.pack("!HHHH", PORT, PORT, length, 0)
    udp = struct.pack("!HHHH", PORT, PORT, length, checksum(pseudo + blank + payload)) + payload
    return struct.pack("!IHBB", 6 << 28, length, socket.IPPROTO_UDP, 64) + ends + udp


def options_hiding(address):
    """40 octets whose 8th to 15th, where a filter looks for the inner source, are the address's /64."""
    network = socket.inet_pton(socket.AF_INET6, address)[:8]
    return bytes([1] * 6) + bytes([0x88, 34]) + network + bytes(24)


def outer_header(source, identification, offset, options, length):
    words = 5 + len(options) // 4
    ends = socket.inet_aton(source) + socket.inet_aton(SERVER)
    total = 4 * words + length
    return struct.pack("!BBHHHBBH", 0x40 | words, 0, total, identification, offset, 64, 41, 0) + ends + options


def send(sock, identification, case):
    packet = inner_packet(case["inner"], case["to"], case["name"])
    options = options_hiding(case["hiding"]) if "hiding" in case else b""
    size = case.get("fragment", len(packet))
    for start in range(0, len(packet), size):
        piece = packet[start : start + size]
        more = MORE_FRAGMENTS if start + size < len(packet) else 0
        header = outer_header(case["outer"], identification, more | start // 8, options, len(piece))
        sock.sendto(header + piece, (SERVER, 0))


def main():
    if sys.argv[1] == "send":
        sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        for number, line in enumerate(sys.stdin, 1000):
            send(sock, number, json.loads(line))
        return
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sock.bind(("::", PORT))
    print("listening", flush=True)
    while True:
        print(sock.recv(2000).decode().strip(), flush=True)


main()
