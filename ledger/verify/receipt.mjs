// A receipt file (ledger/core/proof.h) checked and read, in a browser or in Node, trusting no server: the same checks as
// ledger/core/proof.c, written a second time.
//
//   const verify = receiptVerifier({sha256, keccak256, recover});
//   const {fault, text, statement} = await verify(bytes, trust, told);
//
// The three functions are the caller's, and may answer at once or with a promise:
//   sha256(bytes), keccak256(bytes) -> 32 bytes
//   recover(digest, signature)      -> the signer's address, 20 bytes, or null; `signature` is r ‖ s ‖ v of 65 bytes, whose v
//                                      and low s have been checked here
// `bytes` is a Uint8Array. `trust` is what trustOfGenesis makes of the genesis' canonical bytes, or
//   {genesis: 32 bytes, chainId: BigInt, contract: 20 bytes, sealer: 20 bytes or null for any}.
// `fault` is "good" or one of FAULTS, `text` its sentence; `statement` is what is proven, null unless good. Integers are BigInt.

// `told`, when given, is called with each check as it is done: {step, good, text}; the first that is not good is the last.

import {Malformed, Reader, demand, equal, hashing, hex, list, readHeader, readReceipt, readSeals, readTransaction}
  from './format.mjs';

export {hex};

const PROOF_MAX = 256 * 1024;

export const FAULTS = {
  good: 'the receipt is good',
  malformed: 'these are not the bytes of a receipt file',
  genesis: 'the receipt is of another chain than the one asked for',
  id: "the receipt is not this transaction's on this chain",
  signature: 'the transaction is not signed by its actor',
  transaction: 'the transaction is not in the block, or not at this place',
  receipt: 'the receipt is not in the block, or not at this place',
  seal: "the block's seal is not its sealer's",
  sealer: 'the sealer of the last block in the file is not the one asked for',
  'head-seal': "the later block's seal is not its sealer's",
  history: "the block is not in the later block's history",
};

function readPath(r) {
  const count = r.uint(1);
  demand(count <= 64);
  return list(count, () => r.take(32));
}

async function readFile(bytes, keccak256) {
  demand(bytes.length <= PROOF_MAX);
  const r = new Reader(bytes);
  demand(hex(r.take(4)) === '0x42455231'); // "BER1"
  const file = {genesis: r.take(32)};
  file.transactionBytes = r.take(r.uint(2));
  file.receiptBytes = r.take(r.uint(4));
  file.index = r.uint(4);
  file.header = readHeader(r);
  file.seals = readSeals(r);
  file.transactionPath = readPath(r);
  file.receiptPath = readPath(r);
  const head = r.uint(1);
  demand(head <= 1);
  file.head = head === 1 ? {header: readHeader(r), seals: readSeals(r), path: readPath(r)} : null;
  r.done();
  file.transaction = await readTransaction(file.transactionBytes, keccak256);
  file.receipt = readReceipt(file.receiptBytes);
  return file;
}

/** What the genesis' canonical bytes (ledger/core/genesis.h) say to trust; throws when they do not begin as such. */
export async function trustOfGenesis(bytes, sha256) {
  const r = new Reader(bytes);
  demand(hex(r.take(4)) === '0x42454731'); // "BEG1"
  const chainId = r.u64();
  const contract = r.take(20);
  const timeMs = r.i64();
  return {genesis: await sha256(bytes), chainId, contract, timeMs, sealer: r.take(20)};
}

// -- the checks ---------------------------------------------------------------------------------------------------

/** A verifier over the caller's three functions; see the head of the file. */
export function receiptVerifier(functions) {
  const {sha256, keccak256} = functions;
  const {included, leaf, sealed, signedBy, transactionId} = hashing(functions);
  const blockLeaf = async (header) => leaf(await sha256(header.bytes));
  const inBlock = async (bytes, {header, index}, path, root) =>
    included(await leaf(bytes), BigInt(index), BigInt(header.count), path, root);

  // Step -> what it asks, and what is known when it is good. Its name is the fault when it is not.
  const CHECKS = [
    ['genesis', 'the file is of this chain', (f, trust) => equal(f.genesis, trust.genesis)],
    ['id', "the transaction's id on this chain is the receipt's",
      async (f, trust) => equal(await transactionId(f.transaction, trust), f.receipt.id)],
    ['signature', 'its actor has signed it',
      (f) => signedBy(f.receipt.id, f.transaction.signature, f.transaction.actor)],
    ['transaction', 'the transaction is in the block, at its place',
      (f) => inBlock(f.transactionBytes, f, f.transactionPath, f.header.transactions)],
    ['receipt', 'what became of it is in the block, at the same place',
      (f) => inBlock(f.receiptBytes, f, f.receiptPath, f.header.receipts)],
    ['seal', 'the sealer has signed the block', (f) => sealed(f.header, f.seals)],
    ['head-seal', 'the sealer has signed the later block', ({head}) => sealed(head.header, head.seals)],
    ['history', "the block is in the later block's history", async ({header, head}) =>
      included(await blockLeaf(header), header.height, head.header.height, head.path, head.header.history)],
    ['sealer', 'the sealer is the one whom this chain names',
      (f, trust) => !trust.sealer || equal((f.head ?? f).header.sealer, trust.sealer)],
  ];

  // Asked only where the file has a later block.
  const LATER = ['head-seal', 'history'];

  async function check(file, trust, told) {
    for (const [step, text, holds] of CHECKS) {
      if (!file.head && LATER.includes(step)) continue;
      const good = await holds(file, trust);
      told?.({step, good, text: good ? text : FAULTS[step]});
      if (!good) return step;
    }
    return 'good';
  }

  async function statementOf(file) {
    const block = async (header) => ({
      height: header.height, hash: await sha256(header.bytes), timeMs: header.timeMs, sealer: header.sealer,
    });
    return {
      id: file.receipt.id, type: file.transaction.type.name, actor: file.transaction.actor,
      message: file.transaction.message, receipt: file.receipt, index: file.index, count: file.header.count,
      block: await block(file.header), head: file.head ? await block(file.head.header) : null,
    };
  }

  return async function verify(bytes, trust, told) {
    let fault;
    let file;
    try {
      file = await readFile(bytes, keccak256);
      fault = await check(file, trust, told);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      fault = 'malformed';
      told?.({step: fault, good: false, text: FAULTS[fault]});
    }
    return {fault, text: FAULTS[fault], statement: fault === 'good' ? await statementOf(file) : null};
  };
}
