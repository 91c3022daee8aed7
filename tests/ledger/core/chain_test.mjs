// chain_test.mjs FOLDER PACKAGES: ledger/verify/chain.mjs on the blocks that make-receipts has written: followed they are good, each
// flipped bit is refused; and what format.mjs gives wallets to sign, beside viem. Hashes and recovery are @noble's, out of PACKAGES.
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {BLOCK_FAULTS, chainVerifier} from '../../../ledger/verify/chain.mjs';
import {TYPES, hashing, hex, typedDataOf, unhex, wordsOf} from '../../../ledger/verify/format.mjs';
import {trustOfGenesis} from '../../../ledger/verify/receipt.mjs';
import {keccak256, load, recover, sha256} from './noble.mjs';

const {hashTypedData} = await load('viem');

const read = (name) => new Uint8Array(readFileSync(`${process.argv[2]}/${name}`));
const trust = await trustOfGenesis(read('genesis.bin'), sha256);
const chain = chainVerifier({sha256, keccak256, recover});
const blocks = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((height) => read(`block-${height}.bin`));
const states = [await chain.begin(trust)];
const tests = [];
const test = (name, run) => tests.push([name, run]);

for (const bytes of blocks) states.push((await chain.follow(states.at(-1), bytes)).next ?? states.at(-1));

test('good blocks are good, step by step', async () => {
  assert.equal(states.at(-1).height, 9n);
  const told = [];
  const {fault, block} = await chain.follow(states[3], blocks[3], (step) => told.push(step));
  assert.equal(fault, 'good');
  assert.equal(block.height, 4n);
  assert.equal(block.transactions.length, 5);
  assert.deepEqual(told.map(({step}) => step), ['height', 'previous', 'time', 'history', 'transactions', 'receipts', 'id',
    'signature', 'sealer', 'seal']);
  assert.ok(told.every(({good, text}) => good && text.length > 0));
});

test('a block out of turn is refused', async () => {
  assert.equal((await chain.follow(states[3], blocks[4])).fault, 'height');
  assert.equal((await chain.follow(states[4], blocks[3])).fault, 'height');
  const other = {...states[3], hash: states[2].hash};
  assert.equal((await chain.follow(other, blocks[3])).fault, 'previous');
  assert.equal((await chain.follow({...states[3], history: states[2].history}, blocks[3])).fault, 'history');
  assert.equal((await chain.follow({...states[3], timeMs: 9n ** 18n}, blocks[3])).fault, 'time');
  assert.equal((await chain.follow({...states[3], sealer: unhex(`0x${'11'.repeat(20)}`)}, blocks[3])).fault, 'sealer');
  assert.equal((await chain.follow({...states[3], trust: {...trust, chainId: 7n}}, blocks[3])).fault, 'id');
});

test('a flipped bit in any byte of a block is refused', async () => {
  const seen = new Set();
  for (let at = 0; at < blocks[3].length; at++) {
    const flipped = blocks[3].slice();
    flipped[at] ^= 1 << (at * 5 + 3) % 8;
    const told = [];
    const {fault, text, next} = await chain.follow(states[3], flipped, (step) => told.push(step));
    assert.notEqual(fault, 'good', `byte ${at} is free`);
    assert.equal(text, BLOCK_FAULTS[fault]);
    assert.equal(next, null);
    assert.deepEqual([told.at(-1).step, told.at(-1).good], [fault, false]);
    seen.add(fault);
  }
  for (const fault of ['malformed', 'height', 'previous', 'history', 'transactions', 'receipts', 'sealer', 'seal'])
    assert.ok(seen.has(fault), `no flipped bit says ${fault}`);
});

test('every other length is refused', async () => {
  for (let size = 0; size < blocks[3].length; size += 7)
    assert.equal((await chain.follow(states[3], blocks[3].subarray(0, size))).fault, 'malformed');
  const longer = new Uint8Array(blocks[3].length + 1);
  longer.set(blocks[3]);
  assert.equal((await chain.follow(states[3], longer)).fault, 'malformed');
});

test('what a wallet signs is the same as viem has it, for every type', async () => {
  const sample = {address: `0x${'1a'.repeat(20)}`, bytes32: `0x${'2b'.repeat(32)}`, uint64: '18446744073709551615', uint8: 2,
    int64: '-9007199254740993', string: 'relevé à corriger'};
  const {transactionId} = hashing({sha256, keccak256, recover});
  for (const type of TYPES.slice(1)) {
    const message = Object.fromEntries(type.members.map(({kind, name}) => [name, sample[kind]]));
    const {EIP712Domain, ...types} = typedDataOf(type.name, message, trust).types;
    const mine = await transactionId(await wordsOf(type.name, message, keccak256), trust);
    const data = typedDataOf(type.name, message, trust);
    assert.equal(hex(mine), hashTypedData({...data, types, domain: {...data.domain, chainId: trust.chainId}}), type.name);
    assert.equal(EIP712Domain.length, 5);
  }
});

test('what does not fit is refused', async () => {
  const order = {seller: `0x${'1a'.repeat(20)}`, nonce: 0, deadline: 0, intervalStart: 0, energyWh: 1, priceMicroPerKWh: 1, expires: 0};
  await wordsOf('SellOrder', order, keccak256);
  for (const wrong of [{nonce: -1}, {energyWh: 2n ** 63n}, {seller: '0x12'}, {seller: 'p1'}, {expires: 1.5}])
    await assert.rejects(wordsOf('SellOrder', {...order, ...wrong}, keccak256));
  await assert.rejects(wordsOf('Sell', order, keccak256));
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
console.log(`${tests.length - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
