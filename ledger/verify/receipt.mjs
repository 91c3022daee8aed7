// A receipt file (ledger/core/proof.h) checked and read, in a browser or in Node, trusting no server: the same checks as
// ledger/core/proof.c, written a second time.
//
//   const verify = receiptVerifier({sha256, keccak256, recover});
//   const {fault, text, statement} = await verify(bytes, trust);
//
// The three functions are the caller's, and may answer at once or with a promise:
//   sha256(bytes), keccak256(bytes) -> 32 bytes
//   recover(digest, signature)      -> the signer's address, 20 bytes, or null; `signature` is r ‖ s ‖ v of 65 bytes, whose v
//                                      and low s have been checked here
// `bytes` is a Uint8Array. `trust` is what trustOfGenesis makes of the genesis' canonical bytes, or
//   {genesis: 32 bytes, chainId: BigInt, contract: 20 bytes, sealer: 20 bytes or null for any}.
// `fault` is "good" or one of FAULTS, `text` its sentence; `statement` is what is proven, null unless good. Integers are BigInt.

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

const RECEIPT_MAX = 240 * 1024;
const PROOF_MAX = RECEIPT_MAX + 16 * 1024;
const TEXT_MAX = 255;
const TRADES_MAX = 1024;
const PASSED_MAX = 16;
const VERDICTS = 29;
const HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n;
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

// Type number -> name and members after the actor, nonce and deadline, as wallets sign them.
const TYPES = [
  null,
  ['SellOrder', 'seller', 'uint64 intervalStart,int64 energyWh,int64 priceMicroPerKWh,uint64 expires'],
  ['BuyOrder', 'buyer', 'uint64 intervalStart,int64 energyWh,int64 maxPriceMicroPerKWh,uint8 fill,uint64 expires'],
  ['UpdateOrder', 'owner', 'uint64 order,int64 energyWh,int64 priceMicroPerKWh'],
  ['CancelOrder', 'owner', 'uint64 order'],
  ['Transfer', 'from', 'address to,int64 amountNano'],
  ['Admit', 'operator', 'address participant,string name,uint8 role'],
  ['Revoke', 'operator', 'address participant'],
  ['Rekey', 'operator', 'address participant,address successor'],
  ['Mint', 'operator', 'address to,int64 amountNano,int64 energyWh'],
  ['SetLine', 'distribution', 'address buyer,address seller,int64 capacityWh'],
  ['SetPolicy', 'distribution', 'uint8 mode,int64 penaltyMicroPerKWh,uint8 recipient,int64 minPriceMicroPerKWh,'
    + 'int64 maxPriceMicroPerKWh,uint64 intervalSeconds,uint64 gateSeconds'],
  ['SetMarket', 'operator', 'uint8 state'],
  ['Correction', 'operator', 'bytes32 transaction,address from,address to,int64 amountNano,int64 energyWh,string reason'],
  ['SetSealer', 'operator', 'address sealer'],
].map((row) => row && {
  name: row[0],
  encodeType: `${row[0]}(address ${row[1]},uint64 nonce,uint64 deadline,${row[2]})`,
  members: `address ${row[1]},uint64 nonce,uint64 deadline,${row[2]}`.split(',').map((text) => {
    const [kind, name] = text.split(' ');
    return {kind, name};
  }),
});

const DOMAIN = 'EIP712Domain(string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)';
const utf8 = new TextEncoder();

class Malformed extends Error {}

function demand(condition) {
  if (!condition) throw new Malformed();
}

function concat(...parts) {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function equal(a, b) {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** "0x" and two digits a byte. */
export function hex(bytes) {
  return `0x${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

function bigEndian(bytes) {
  return bytes.length === 0 ? 0n : BigInt(hex(bytes));
}

function word(value) {
  const out = new Uint8Array(32);
  let left = BigInt.asUintN(256, BigInt(value));
  for (let i = 31; i >= 0; i--, left >>= 8n) out[i] = Number(left & 0xffn);
  return out;
}

/** Little-endian integers and byte ranges, never past the end. */
class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  take(size) {
    demand(size <= this.bytes.length - this.at);
    this.at += size;
    return this.bytes.subarray(this.at - size, this.at);
  }

  uint(size) {
    return this.take(size).reduceRight((value, byte) => value * 256 + byte, 0);
  }

  u64() {
    return bigEndian(this.take(8).slice().reverse());
  }

  i64() {
    return BigInt.asIntN(64, this.u64());
  }

  done() {
    demand(this.at === this.bytes.length);
  }
}

// -- the parts of a file ------------------------------------------------------------------------------------------

const WORDS = {
  address: (bytes) => (demand(bigEndian(bytes.subarray(0, 12)) === 0n), bytes.subarray(12)),
  uint64: (bytes) => bounded(bigEndian(bytes), 64),
  uint8: (bytes) => bounded(bigEndian(bytes), 8),
  int64: (bytes) => {
    const value = BigInt.asIntN(256, bigEndian(bytes));
    demand(BigInt.asIntN(64, value) === value);
    return value;
  },
  bytes32: (bytes) => bytes,
  string: (bytes) => bytes,
};

function bounded(value, bits) {
  demand(BigInt.asUintN(bits, value) === value);
  return value;
}

async function readTransaction(bytes, keccak256) {
  const r = new Reader(bytes);
  const type = TYPES[r.uint(1)];
  demand(type);
  const words = type.members.map(() => r.take(32));
  const signature = r.take(65);
  const message = {};
  type.members.forEach(({kind, name}, i) => {
    message[name] = WORDS[kind](words[i]);
  });
  const text = type.members.find(({kind}) => kind === 'string');
  if (text) {
    const raw = r.take(r.uint(2));
    demand(raw.length <= TEXT_MAX && !raw.includes(0) && equal(await keccak256(raw), message[text.name]));
    try {
      message[text.name] = new TextDecoder('utf-8', {fatal: true, ignoreBOM: true}).decode(raw);
    } catch {
      throw new Malformed();
    }
  }
  r.done();
  return {type, words, signature, message, actor: words[0].subarray(12)};
}

function list(count, read) {
  return Array.from({length: count}, read);
}

function readReceipt(bytes) {
  demand(bytes.length <= RECEIPT_MAX);
  const r = new Reader(bytes);
  const id = r.take(32);
  const verdict = r.uint(1);
  const order = r.u64();
  const tradeCount = r.uint(4);
  demand(tradeCount <= TRADES_MAX);
  const trades = list(tradeCount, () => ({
    buyer: r.take(20), seller: r.take(20), post: r.u64(), bid: r.u64(), interval: r.u64(),
    energyWh: r.i64(), priceMicroPerKWh: r.i64(), feeMicroPerKWh: r.i64(), network: r.uint(1), version: r.u64(),
  }));
  const passedCount = r.uint(1);
  const passedTotal = r.uint(4);
  demand(verdict < VERDICTS && passedCount <= PASSED_MAX && passedCount <= passedTotal);
  const passed = list(passedCount, () => ({post: r.u64(), seller: r.take(20), headroomWh: r.i64()}));
  const balanceCount = r.uint(4);
  demand(balanceCount <= bytes.length / 52);
  const balances = list(balanceCount, () => ({
    address: r.take(20), moneyNano: r.i64(), escrowNano: r.i64(), energyWh: r.i64(), onSaleWh: r.i64(),
  }));
  r.done();
  return {id, verdict, order, trades, passed, passedTotal, balances};
}

function readHeader(r) {
  const bytes = r.take(245);
  const h = new Reader(bytes);
  demand(hex(h.take(4)) === '0x42454231'); // "BEB1"
  const header = {
    bytes, height: h.u64(), previous: h.take(32), history: h.take(32), term: h.u64(), timeMs: h.i64(),
    transactions: h.take(32), receipts: h.take(32), changes: h.take(32), checkpoint: h.uint(1), state: h.take(32),
    sealer: h.take(20), count: h.uint(4),
  };
  demand(header.checkpoint === 1 || (header.checkpoint === 0 && bigEndian(header.state) === 0n));
  return header;
}

function readSeals(r) {
  const count = r.uint(1);
  demand(count <= 8);
  return list(count, () => ({kind: r.uint(1), bytes: r.take(r.uint(2))}));
}

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
  r.i64();
  return {genesis: await sha256(bytes), chainId, contract, sealer: r.take(20)};
}

// -- the checks ---------------------------------------------------------------------------------------------------

/** A verifier over the caller's three functions; see the head of the file. */
export function receiptVerifier({sha256, keccak256, recover}) {
  const leaf = (data) => sha256(concat([0], data));
  const node = (left, right) => sha256(concat([1], left, right));

  async function separator(trust) {
    return keccak256(concat(
      await keccak256(utf8.encode(DOMAIN)), await keccak256(utf8.encode('Bit-Energy')),
      await keccak256(utf8.encode('1')), word(trust.chainId), word(bigEndian(trust.contract)), trust.genesis));
  }

  async function transactionId({type, words}, trust) {
    const structure = await keccak256(concat(await keccak256(utf8.encode(type.encodeType)), ...words));
    return keccak256(concat([0x19, 0x01], await separator(trust), structure));
  }

  // Source: EIP-2 for the low s; anything else is nobody's signature.
  async function signer(digest, signature) {
    const r = bigEndian(signature.subarray(0, 32));
    const s = bigEndian(signature.subarray(32, 64));
    const v = signature[64];
    if ((v !== 27 && v !== 28) || r === 0n || r >= ORDER || s === 0n || s > HALF_ORDER) return null;
    return recover(digest, signature);
  }

  async function signedBy(digest, signature, address) {
    const found = await signer(digest, signature);
    return found !== null && equal(found, address);
  }

  async function sealed(header, seals) {
    if (seals.length !== 1 || seals[0].kind !== 1 || seals[0].bytes.length !== 65) return false;
    return signedBy(await sha256(header.bytes), seals[0].bytes, header.sealer);
  }

  // Source: RFC 9162 section 2.1.3.2. `index` and `size` are BigInt.
  async function included(leafHash, index, size, path, root) {
    if (index >= size) return false;
    let at = index;
    let last = size - 1n;
    let up = leafHash;
    for (const hash of path) {
      if (last === 0n) return false;
      if (at & 1n || at === last) {
        up = await node(hash, up);
        while (!(at & 1n) && at !== 0n) {
          at >>= 1n;
          last >>= 1n;
        }
      } else {
        up = await node(up, hash);
      }
      at >>= 1n;
      last >>= 1n;
    }
    return last === 0n && equal(up, root);
  }

  async function check(file, trust) {
    const {transaction, receipt, header, head} = file;
    if (!equal(file.genesis, trust.genesis)) return 'genesis';
    const id = await transactionId(transaction, trust);
    if (!equal(id, receipt.id)) return 'id';
    if (!await signedBy(id, transaction.signature, transaction.actor)) return 'signature';
    const [index, count] = [BigInt(file.index), BigInt(header.count)];
    if (!await included(await leaf(file.transactionBytes), index, count, file.transactionPath, header.transactions))
      return 'transaction';
    if (!await included(await leaf(file.receiptBytes), index, count, file.receiptPath, header.receipts)) return 'receipt';
    if (!await sealed(header, file.seals)) return 'seal';
    if (head) {
      if (!await sealed(head.header, head.seals)) return 'head-seal';
      const hash = await leaf(await sha256(header.bytes));
      if (!await included(hash, header.height, head.header.height, head.path, head.header.history)) return 'history';
    }
    const last = head ? head.header : header;
    return trust.sealer && !equal(last.sealer, trust.sealer) ? 'sealer' : 'good';
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

  return async function verify(bytes, trust) {
    let fault;
    let file;
    try {
      file = await readFile(bytes, keccak256);
      fault = await check(file, trust);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      fault = 'malformed';
    }
    return {fault, text: FAULTS[fault], statement: fault === 'good' ? await statementOf(file) : null};
  };
}
