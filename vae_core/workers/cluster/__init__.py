"""Lanes on other machines: `Cluster` (cluster.py) is the server's end, node.py what runs on each machine.

Between them lies a process of its own (bridge_process.py starts bridge.py), the only one here that loads Ray.
"""
