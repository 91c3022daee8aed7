// A chain followed block by block (ledger/core/block.h), in a browser or in Node, trusting no server: what ledger/core/chain.c checks of
// a block without the market's state. What it cannot say: that the contract decided as the receipts tell. `busbar chain verify` does.
//
//   const chain = chainVerifier({sha256, keccak256, recover});     // the functions of receipt.mjs
//   let at = await chain.begin(trust);                             // trust of trustOfGenesis
//   const {fault, text, block, next} = await chain.follow(at, bytes, told);
//
// `fault` is "good" or one of BLOCK_FAULTS; `next` is where the chain stands after a good block, to be given for the next one: `at` is
// never changed. `told` as in receipt.mjs. `block` is what was read, null when malformed: {height, hash, timeMs, sealer, header,
// transactions}.

import {Malformed, Reader, demand, equal, hashing, list, readHeader, readReceipt, readSeals, readTransaction}
  from './format.mjs';

export const BLOCK_FAULTS = {
  good: 'the block is good',
  malformed: 'these are not the bytes of a block',
  height: 'the block is not the next one',
  previous: "the block does not name the one before it",
  time: 'the block is older than the one before it',
  history: 'the block does not name the whole history before it',
  transactions: "the transactions are not those that the header names",
  receipts: 'the receipts are not those that the header names',
  id: 'a receipt is of another transaction',
  signature: 'a transaction is not signed by its actor',
  sealer: 'the block is sealed by another than whose turn it is',
  seal: "the block's seal is not its sealer's",
};

const BLOCK_MAX = 16 * 1024 * 1024;
const COUNT_MAX = 4096;

async function readBlock(bytes, keccak256) {
  demand(bytes.length <= BLOCK_MAX);
  const r = new Reader(bytes);
  const header = readHeader(r);
  demand(header.count >= 1 && header.count <= COUNT_MAX);
  const seals = readSeals(r);
  const transactionBytes = list(header.count, () => r.take(r.uint(2)));
  const receiptBytes = list(header.count, () => r.take(r.uint(4)));
  r.done();
  const transactions = [];
  for (const each of transactionBytes) transactions.push(await readTransaction(each, keccak256));
  return {header, seals, transactionBytes, receiptBytes, transactions, receipts: receiptBytes.map(readReceipt)};
}

/** A verifier over the caller's three functions; see the head of the file. */
export function chainVerifier(functions) {
  const {sha256, keccak256} = functions;
  const {edge, leaf, merkleRoot, sealed, signedBy, transactionId} = hashing(functions);
  const rootOf = async (parts) => merkleRoot(await Promise.all(parts.map(leaf)));
  const every = async (list, holds) => {
    for (const [i, each] of list.entries()) if (!await holds(each, i)) return false;
    return true;
  };

  // Step -> what is known when it is good; its name is the fault when it is not.
  const CHECKS = [
    ['height', 'it is the next block', ({header}, at) => header.height === at.height + 1n],
    ['previous', 'it names the block before it', ({header}, at) => equal(header.previous, at.hash)],
    ['time', 'time has not gone back', ({header}, at) => header.timeMs >= at.timeMs],
    ['history', 'it names the whole history before it',
      async ({header}, at) => equal(header.history, await edge(at.history).root())],
    ['transactions', 'its transactions are those that it names',
      async (b) => equal(b.header.transactions, await rootOf(b.transactionBytes))],
    ['receipts', 'its receipts are those that it names',
      async (b) => equal(b.header.receipts, await rootOf(b.receiptBytes))],
    ['id', "every receipt is its transaction's", (b, at) => every(b.transactions,
      async (transaction, i) => equal(await transactionId(transaction, at.trust), b.receipts[i].id))],
    ['signature', 'every transaction is signed by its actor', (b) => every(b.transactions,
      (transaction, i) => signedBy(b.receipts[i].id, transaction.signature, transaction.actor))],
    ['sealer', 'its sealer is the one whose turn it is', ({header}, at) => equal(header.sealer, at.sealer)],
    ['seal', 'the sealer has signed it', ({header, seals}) => sealed(header, seals)],
  ];

  // Whoever a SetSealer that the contract took names seals from the next block on.
  function sealerAfter(block, sealer) {
    return block.transactions.reduce((now, {type, message}, i) =>
      (type.name === 'SetSealer' && block.receipts[i].verdict === 0 ? message.sealer : now), sealer);
  }

  async function begin(trust) {
    const tree = edge();
    await tree.append(await leaf(trust.genesis));
    return {trust, height: 0n, hash: trust.genesis, timeMs: trust.timeMs ?? 0n, sealer: trust.sealer, history: tree.state()};
  }

  async function after(block, hash, at) {
    const tree = edge(at.history);
    await tree.append(await leaf(hash));
    return {trust: at.trust, height: block.header.height, hash, timeMs: block.header.timeMs,
      sealer: sealerAfter(block, at.sealer), history: tree.state()};
  }

  async function check(block, at, told) {
    for (const [step, text, holds] of CHECKS) {
      const good = await holds(block, at);
      told?.({step, good, text: good ? text : BLOCK_FAULTS[step]});
      if (!good) return step;
    }
    return 'good';
  }

  async function follow(at, bytes, told) {
    let block;
    try {
      block = await readBlock(bytes, keccak256);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      told?.({step: 'malformed', good: false, text: BLOCK_FAULTS.malformed});
      return {fault: 'malformed', text: BLOCK_FAULTS.malformed, block: null, next: null};
    }
    const hash = await sha256(block.header.bytes);
    const fault = await check(block, at, told);
    const {header, transactions} = block;
    const {height, timeMs, sealer} = header;
    return {fault, text: BLOCK_FAULTS[fault], block: {height, hash, timeMs, sealer, header, transactions},
      next: fault === 'good' ? await after(block, hash, at) : null};
  }

  return {begin, follow};
}
