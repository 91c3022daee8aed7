// The ledger's bytes (docs/ledger-format.md) read a second time, for pages and scripts that trust no server: transactions, receipts,
// headers and seals, and the hashes over them. Integers are BigInt where 64 bits are meant. A reader throws Malformed.

const RECEIPT_MAX = 240 * 1024;
const TEXT_MAX = 255;
const TRADES_MAX = 1024;
const PASSED_MAX = 16;
const VERDICTS = 29;
const HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n;
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

// Type number -> name and members after the actor, nonce and deadline, as wallets sign them.
export const TYPES = [
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
export const utf8 = new TextEncoder();

/** What is not of the format at all. */
export class Malformed extends Error {}

export function demand(condition) {
  if (!condition) throw new Malformed();
}

export function concat(...parts) {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

export function equal(a, b) {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** "0x" and two digits a byte. */
export function hex(bytes) {
  return `0x${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

export function bigEndian(bytes) {
  return bytes.length === 0 ? 0n : BigInt(hex(bytes));
}

/** A BigInt as an EIP-712 word, 32 bytes. */
export function word(value) {
  const out = new Uint8Array(32);
  let left = BigInt.asUintN(256, BigInt(value));
  for (let i = 31; i >= 0; i--, left >>= 8n) out[i] = Number(left & 0xffn);
  return out;
}

/** Little-endian integers and byte ranges, never past the end. */
export class Reader {
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

export async function readTransaction(bytes, keccak256) {
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

export function list(count, read) {
  return Array.from({length: count}, read);
}

export function readReceipt(bytes) {
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

export function readHeader(r) {
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

export function readSeals(r) {
  const count = r.uint(1);
  demand(count <= 8);
  return list(count, () => ({kind: r.uint(1), bytes: r.take(r.uint(2))}));
}

// -- hashes and signatures ------------------------------------------------------------------------------------------

/**
 * What is computed over those bytes, with the caller's functions; see receipt.mjs. `trust` is of trustOfGenesis.
 * merkleRoot(leafHashes) is RFC 9162's tree head; edge() is one that grows leaf by leaf, with append(leafHash), root() and state().
 */
export function hashing({sha256, keccak256, recover}) {
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

  /** A tree that only grows: the roots of its full subtrees, the largest first. Begun anew, or from another's state(). */
  function edge(from = {peaks: [], size: 0n}) {
    const peaks = [...from.peaks];
    let size = from.size;
    return {
      state: () => ({peaks: [...peaks], size}),
      async append(hash) {
        let up = hash;
        for (let low = size; low & 1n; low >>= 1n) up = await node(peaks.pop(), up);
        peaks.push(up);
        size++;
      },
      async root() {
        let up = peaks.at(-1);
        for (let i = peaks.length - 2; i >= 0; i--) up = await node(peaks[i], up);
        return up;
      },
    };
  }

  async function merkleRoot(leaves) {
    const tree = edge();
    for (const hash of leaves) await tree.append(hash);
    return tree.root();
  }

  return {leaf, node, separator, transactionId, signer, signedBy, sealed, included, edge, merkleRoot};
}

// -- writing ----------------------------------------------------------------------------------------------------------

/** The bytes of "0x…"; throws Malformed. */
export function unhex(text) {
  demand(/^0x([0-9a-f]{2})*$/i.test(text));
  return Uint8Array.from(text.slice(2).match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

const RANGES = {uint64: [0n, 2n ** 64n - 1n], uint8: [0n, 255n], int64: [-(2n ** 63n), 2n ** 63n - 1n]};

async function wordOf({kind, name}, value, keccak256) {
  if (kind === 'string') return keccak256(utf8.encode(value));
  if (kind === 'address' || kind === 'bytes32') {
    const bytes = unhex(value);
    demand(bytes.length === (kind === 'address' ? 20 : 32));
    return concat(new Uint8Array(32 - bytes.length), bytes);
  }
  const number = BigInt(value);
  if (number < RANGES[kind][0] || number > RANGES[kind][1]) throw new RangeError(`${name}: ${number} is no ${kind}`);
  return word(number);
}

/**
 * What is signed of a message {actor's member, nonce, deadline, …}: its members are "0x…" for addresses and bytes32, texts, else
 * anything that BigInt takes. Gives the type's words, for transactionId. Throws RangeError, or Malformed, for what does not fit.
 */
export async function wordsOf(typeName, message, keccak256) {
  const type = TYPES.find((each) => each?.name === typeName);
  demand(type);
  const words = [];
  for (const member of type.members) words.push(await wordOf(member, message[member.name], keccak256));
  return {type, words};
}

/** The same as an Ethereum wallet wants it, for eth_signTypedData_v4. */
export function typedDataOf(typeName, message, trust) {
  const type = TYPES.find((each) => each?.name === typeName);
  demand(type);
  const fields = (text) => text.split(',').map((each) => ({type: each.split(' ')[0], name: each.split(' ')[1]}));
  return {
    types: {
      EIP712Domain: fields(DOMAIN.slice(DOMAIN.indexOf('(') + 1, -1)),
      [typeName]: type.members.map(({kind, name}) => ({type: kind, name})),
    },
    primaryType: typeName,
    domain: {
      name: 'Bit-Energy', version: '1', chainId: `0x${trust.chainId.toString(16)}`,
      verifyingContract: hex(trust.contract), salt: hex(trust.genesis),
    },
    message,
  };
}
