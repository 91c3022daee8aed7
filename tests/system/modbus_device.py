#!/usr/bin/env python3
"""A Modbus device of the test's own, by pymodbus: modbus_device.py tcp PORT | rtu PATH, then the description as JSON.

    {"units": {"1": {"holding": {"0": [1, 2]}, "input": {…}, "coils": {…}, "discrete": {…}}}, "delay": 0}

It prints `ready`, and takes orders as JSON lines on standard input, each answered with a line: {"get": [unit, table, address, count]},
{"set": [unit, table, address, [values]]}, {"delay": seconds}, {"frozen": [unit, table, address]} (it does not keep what is written there),
{"requests": true} (how many there were).
"""
import asyncio
import json
import sys
import threading
import time

from pymodbus.datastore import ModbusServerContext, ModbusSlaveContext, ModbusSparseDataBlock
from pymodbus.framer.rtu_framer import ModbusRtuFramer
from pymodbus.server.async_io import ModbusSerialServer, ModbusTcpServer

TABLES = {"coils": "c", "discrete": "d", "input": "i", "holding": "h"}


class Block(ModbusSparseDataBlock):
    def __init__(self, device, values):
        super().__init__(values or {60000: 0})
        self.device, self.frozen = device, set()

    def getValues(self, address, count=1):
        self.device.requests += 1
        time.sleep(self.device.delay)
        return super().getValues(address, count)

    def setValues(self, address, values, use_as_default=False):
        values = values if isinstance(values, list) else [values]
        super().setValues(address, [self.values[address + i] if address + i in self.frozen else v for i, v in enumerate(values)])


class Device:
    def __init__(self, description):
        self.delay, self.requests, self.blocks = description.get("delay", 0), 0, {}
        for unit, tables in description["units"].items():
            for table in TABLES:
                values = {int(at) + i: v for at, run in tables.get(table, {}).items() for i, v in enumerate(run)}
                self.blocks[int(unit), table] = Block(self, values)

    def context(self):
        units = {unit for unit, _ in self.blocks}
        slaves = {unit: ModbusSlaveContext(di=self.blocks[unit, "discrete"], co=self.blocks[unit, "coils"], hr=self.blocks[unit, "holding"],
                                           ir=self.blocks[unit, "input"], zero_mode=True) for unit in units}
        return ModbusServerContext(slaves=slaves, single=False)

    def order(self, order):
        if "get" in order:
            unit, table, address, count = order["get"]
            return [self.blocks[unit, table].values[address + i] for i in range(count)]
        if "set" in order:
            unit, table, address, values = order["set"]
            self.blocks[unit, table].values.update({address + i: v for i, v in enumerate(values)})
        if "frozen" in order:
            unit, table, address = order["frozen"]
            self.blocks[unit, table].frozen.add(address)
        self.delay = order.get("delay", self.delay)
        return self.requests

    def obey(self):
        for line in sys.stdin:
            print(json.dumps(self.order(json.loads(line))), flush=True)


async def main(kind, place, device):
    if kind == "tcp":
        server = ModbusTcpServer(device.context(), address=("127.0.0.1", int(place)), allow_reuse_address=True)
        task = asyncio.ensure_future(server.serve_forever())
        await server.serving
    else:
        server = ModbusSerialServer(device.context(), framer=ModbusRtuFramer, port=place, baudrate=9600, parity="N", stopbits=1)
        await server.start()
        assert server.transport is not None, "the port cannot be opened"
        task = asyncio.ensure_future(server.serve_forever())
    print("ready", flush=True)
    await task


if __name__ == "__main__":
    DEVICE = Device(json.loads(sys.argv[3]))
    threading.Thread(target=DEVICE.obey, daemon=True).start()
    asyncio.run(main(sys.argv[1], sys.argv[2], DEVICE))
