// receipt_test.mjs FOLDER PACKAGES: ledger/verify/receipt.mjs on the files that make-receipts has written: the good ones are good and
// say what they should, each flipped bit is refused. Hashes and recovery are @noble's, out of PACKAGES (tests/ledger/npm).
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {FAULTS, hex, receiptVerifier, trustOfGenesis} from '../../../ledger/verify/receipt.mjs';
import {answers, keccak256, recover, sha256} from './noble.mjs';


const verify = receiptVerifier({sha256, keccak256, recover});
const read = (name) => new Uint8Array(readFileSync(`${process.argv[2]}/${name}`));
const genesis = read('genesis.bin');
const trust = await trustOfGenesis(genesis, sha256);
const tests = [];
const test = (name, run) => tests.push([name, run]);

test('good files are good and say what they prove', async () => {
  const {fault, statement} = await verify(read('under-head.bin'), trust);
  assert.equal(fault, 'good');
  assert.equal(statement.type, 'BuyOrder');
  assert.equal(statement.message.energyWh, 8000n);
  assert.equal(statement.message.maxPriceMicroPerKWh, 100000n);
  assert.equal(statement.receipt.verdict, 0);
  assert.equal(statement.receipt.trades.reduce((sum, trade) => sum + trade.energyWh, 0n), 8000n);
  assert.equal(statement.block.height, 4n);
  assert.equal(statement.head.height, 9n);
  assert.equal(statement.block.timeMs, 1750000004000n);
  assert.equal(hex(statement.block.sealer), hex(trust.sealer));
  assert.equal((await verify(read('alone.bin'), trust)).statement.head, null);
  const text = await verify(read('text.bin'), trust);
  assert.equal(text.statement.message.reason, 'relevé à corriger\x1b[31m');
});

test('another trust is refused', async () => {
  const file = read('under-head.bin');
  const flipped = (bytes) => bytes.map((byte, i) => (i === 5 ? byte ^ 1 : byte));
  assert.equal((await verify(file, {...trust, genesis: flipped(trust.genesis)})).fault, 'genesis');
  assert.equal((await verify(file, {...trust, chainId: trust.chainId + 1n})).fault, 'id');
  assert.equal((await verify(file, {...trust, contract: flipped(trust.contract)})).fault, 'id');
  assert.equal((await verify(file, {...trust, sealer: flipped(trust.sealer)})).fault, 'sealer');
  assert.equal((await verify(file, {...trust, sealer: null})).fault, 'good');
  await assert.rejects(trustOfGenesis(new Uint8Array(30), sha256));
});

for (const name of ['alone.bin', 'under-head.bin', 'text.bin'])
  test(`a flipped bit in any byte of ${name} is refused`, async () => {
    const file = read(name);
    const seen = new Set();
    for (let at = 0; at < file.length; at++) {
      const flipped = file.slice();
      flipped[at] ^= 1 << (at * 5 + 3) % 8;
      const {fault, text, statement} = await verify(flipped, trust);
      assert.notEqual(fault, 'good', `byte ${at} is free`);
      assert.equal(text, FAULTS[fault]);
      assert.equal(statement, null);
      seen.add(fault);
    }
    for (const fault of ['malformed', 'genesis', 'id', 'signature', 'transaction', 'receipt', 'seal'])
      assert.ok(seen.has(fault), `no flipped bit says ${fault}`);
  });

test('every other length is refused', async () => {
  const file = read('text.bin');
  for (let size = 0; size < file.length; size++)
    assert.equal((await verify(file.subarray(0, size), trust)).fault, 'malformed');
  const longer = new Uint8Array(file.length + 1);
  longer.set(file);
  assert.equal((await verify(longer, trust)).fault, 'malformed');
});

let failed = 0;
for (const [name, run] of tests)
  try {
    await run();
    console.log(`ok ${name}`);
  } catch (error) {
    failed++;
    console.log(`FAILED ${name}: ${error.stack}`);
  }
assert.ok(answers.size > 100);
console.log(`${tests.length - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
