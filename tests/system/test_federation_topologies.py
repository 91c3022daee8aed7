#!/usr/bin/env python3
"""Lines, triangles and rings of platforms: each message is heard once everywhere."""
import unittest

from federation import Federation


class Topologies(Federation):
    def every_message_once(self, names, pairs, count=1000):
        platforms = self.make(names)
        by_name = {p.name: p for p in platforms}
        self.connect([(by_name[a], by_name[b]) for a, b in pairs], relay=True)
        peers = self.start()
        each = count // len(peers)
        for i in range(each):
            for peer in peers:
                peer.publish(f"T/{peer.platform.name}", i)
            if i % 50 == 49:
                for peer in peers:
                    while peer.next(0) is not None:
                        pass
        for peer in peers:
            heard = peer.listen(each * len(peers))
            for source in names:
                sender = "peer" if source == peer.platform.name else f"peer@{source}"
                numbers = [m["message"] for _, m in heard if m["sender"] == sender]
                self.assertEqual(sorted(numbers), list(range(each)), f"{source} at {peer.platform.name}")
            self.assertEqual(len(heard), each * len(peers))

    def test_line(self):
        self.every_message_once("abc", ["ab", "bc"])

    def test_triangle(self):
        self.every_message_once("abc", ["ab", "bc", "ca"])

    def test_ring_of_four(self):
        self.every_message_once("abcd", ["ab", "bc", "cd", "da"])


if __name__ == "__main__":
    unittest.main()
