// What ethers 6, viem and ox make of the ledger's types, for tests/ledger/crypto/test_wallets.py.
//
//   node wallets.mjs cases SEED COUNT     signs COUNT messages of every type: one JSON object a line
//   node wallets.mjs sign   < requests    [{"wallet","secret","domain","type","message"}, …] → [signature, …]
//   node wallets.mjs seal   < requests    [{"secret","passphrase"}, …] → [{"maker","json"}, …]
//   node wallets.mjs open   < requests    [{"json","passphrase"}, …] → [{"ethers","ox"}, …]: the secrets they find
//   node wallets.mjs digests < requests   [{"domain","types","primaryType","message"}, …] → [{"ethers","viem"}, …]: EIP-712 digests
//   node wallets.mjs typed  < requests    [{"secret","document"}, …] → [{"ethers","viem"}, …]: signatures of such a document
//   node wallets.mjs texts  < requests    [{"secret","text"}, …] → [{"ethers","viem"}, …]: EIP-191 signatures
import { webcrypto } from "node:crypto";
import { TypedDataEncoder, Wallet, decryptKeystoreJsonSync, encryptKeystoreJsonSync } from "ethers";
import * as Keystore from "ox/Keystore";
import { hashTypedData } from "viem";
import { privateKeyToAccount } from "viem/accounts";

// Node 18 does not have it as a global yet; ox takes its randomness there.
globalThis.crypto ??= webcrypto;

// The table of types, as the design states it; typed in again here, so that the C table is checked against it.
const TYPES = {
  SellOrder: "address seller,ND,uint64 intervalStart,int64 energyWh,int64 priceMicroPerKWh,uint64 expires",
  BuyOrder: "address buyer,ND,uint64 intervalStart,int64 energyWh,int64 maxPriceMicroPerKWh,uint8 fill,uint64 expires",
  UpdateOrder: "address owner,ND,uint64 order,int64 energyWh,int64 priceMicroPerKWh",
  CancelOrder: "address owner,ND,uint64 order",
  Transfer: "address from,ND,address to,int64 amountNano",
  Admit: "address operator,ND,address participant,string name,uint8 role",
  Revoke: "address operator,ND,address participant",
  Rekey: "address operator,ND,address participant,address successor",
  Mint: "address operator,ND,address to,int64 amountNano,int64 energyWh",
  SetLine: "address distribution,ND,address buyer,address seller,int64 capacityWh",
  SetPolicy: "address distribution,ND,uint8 mode,int64 penaltyMicroPerKWh,uint8 recipient,int64 minPriceMicroPerKWh," +
    "int64 maxPriceMicroPerKWh,uint64 intervalSeconds,uint64 gateSeconds",
  SetMarket: "address operator,ND,uint8 state",
  Correction: "address operator,ND,bytes32 transaction,address from,address to,int64 amountNano,int64 energyWh,string reason",
  SetSealer: "address operator,ND,address sealer",
};

const members = (type) => TYPES[type].replace("ND", "uint64 nonce,uint64 deadline").split(",")
  .map((member) => ({ type: member.split(" ")[0], name: member.split(" ")[1] }));

// SplitMix64: one seed, one run.
let state = 0n;
const next = () => {
  const mask = (1n << 64n) - 1n;
  state = (state + 0x9E3779B97F4A7C15n) & mask;
  let z = state;
  z = ((z ^ (z >> 30n)) * 0xBF58476D1CE4E5B9n) & mask;
  z = ((z ^ (z >> 27n)) * 0x94D049BB133111EBn) & mask;
  return z ^ (z >> 31n);
};
const hex = (bytes) => "0x" + Array.from({ length: bytes }, () => (next() & 255n).toString(16).padStart(2, "0")).join("");
const secretKey = () => "0x11" + hex(31).slice(2);

// The borders of each kind first, chance afterwards.
const BORDERS = {
  uint64: ["0", "1", "9007199254740993", "9223372036854775807", "9223372036854775808", "18446744073709551615"],
  int64: ["0", "-1", "1", "-9223372036854775808", "9223372036854775807", "-81300"],
  uint8: ["0", "1", "127", "128", "254", "255"],
  address: ["0x" + "00".repeat(20), "0x" + "ff".repeat(20), "0x00000000000000000000000000000000000b17e9"],
  bytes32: ["0x" + "00".repeat(32), "0x" + "ff".repeat(32), "0x" + "80" + "00".repeat(31)],
  string: ["", "p1", "é", "rooftop PV \u2600\ufe0f \u{1f31e}", "x".repeat(255), "\u00e9".repeat(127), "\" \\ \u0001 \t"],
};
const CHANCE = {
  uint64: () => next().toString(),
  int64: () => BigInt.asIntN(64, next()).toString(),
  uint8: () => (next() & 255n).toString(),
  address: () => hex(20),
  bytes32: () => hex(32),
  string: () => String.fromCodePoint(...Array.from({ length: Number(next() % 40n) }, () => 32 + Number(next() % 800n))),
};
const value = (kind, round) => round < 6 ? BORDERS[kind][round % BORDERS[kind].length] : CHANCE[kind]();

function domainOf(round) {
  return {
    name: "Bit-Energy",
    version: "1",
    chainId: ["1337", "1", "18446744073709551615"][round % 3],
    verifyingContract: round % 3 === 0 ? "0x00000000000000000000000000000000000b17e9" : hex(20),
    salt: hex(32),
  };
}

async function byEthers(secret, domain, type, message) {
  const types = { [type]: members(type) };
  return {
    digest: TypedDataEncoder.hash(domain, types, message),
    signature: await new Wallet(secret).signTypedData(domain, types, message),
  };
}

// It wants numbers as numbers.
async function byViem(secret, domain, type, message) {
  const list = members(type);
  const typed = Object.fromEntries(list.map((m) => [m.name, /int/.test(m.type) ? BigInt(message[m.name]) : message[m.name]]));
  const request = { domain: { ...domain, chainId: BigInt(domain.chainId) }, types: { [type]: list }, primaryType: type, message: typed };
  return { digest: hashTypedData(request), signature: await privateKeyToAccount(secret).signTypedData(request) };
}

const WALLETS = { ethers: byEthers, viem: byViem };
const sign = async (r) => (await WALLETS[r.wallet](r.secret, r.domain, r.type, r.message)).signature;

async function makeCase(type, round) {
  const secret = secretKey(), domain = domainOf(round), { address } = new Wallet(secret);
  const message = Object.fromEntries(members(type).map((m, i) => [m.name, i === 0 ? address.toLowerCase() : value(m.type, round)]));
  return {
    type, secret, address, domain, message,
    separator: TypedDataEncoder.hashDomain(domain),
    ethers: await byEthers(secret, domain, type, message),
    viem: await byViem(secret, domain, type, message),
  };
}

async function cases(seed, count) {
  state = BigInt(seed);
  for (let round = 0; round < count; round++)
    for (const type of Object.keys(TYPES))
      console.log(JSON.stringify(await makeCase(type, round)));
}

function seal({ secret, passphrase }) {
  const cost = { N: 1024, r: 8, p: 1 };
  const scrypt = Keystore.scrypt({ password: passphrase, n: 1024, r: 8, p: 1 });
  const pbkdf2 = Keystore.pbkdf2({ password: passphrase, iterations: 1000 });
  return [
    { maker: "ethers", json: encryptKeystoreJsonSync({ address: new Wallet(secret).address, privateKey: secret }, passphrase, { scrypt: cost }) },
    { maker: "ox, scrypt", json: JSON.stringify(Keystore.encrypt(secret, scrypt[0], scrypt[1])) },
    { maker: "ox, pbkdf2", json: JSON.stringify(Keystore.encrypt(secret, pbkdf2[0], pbkdf2[1])) },
  ];
}

function open({ json, passphrase }) {
  const parsed = JSON.parse(json);
  return {
    ethers: decryptKeystoreJsonSync(json, passphrase).privateKey,
    ox: Keystore.decrypt(parsed, Keystore.toKey(parsed, { password: passphrase })),
  };
}

const text = async ({ secret, text }) => ({
  ethers: await new Wallet(secret).signMessage(text),
  viem: await privateKeyToAccount(secret).signMessage({ message: text }),
});

// A document of eth_signTypedData_v4, as a wallet is asked to sign it.
function digest({ domain, types, primaryType, message }) {
  const { EIP712Domain, ...own } = types;
  return { ethers: TypedDataEncoder.hash(domain, own, message), viem: hashTypedData({ domain, types, primaryType, message }), domain: EIP712Domain.length };
}

// Such a document signed.
async function typed({ secret, document: { domain, types, primaryType, message } }) {
  const { EIP712Domain, ...own } = types;
  return {
    ethers: await new Wallet(secret).signTypedData(domain, own, message),
    viem: await privateKeyToAccount(secret).signTypedData({ domain, types, primaryType, message }),
  };
}

async function requests(answer) {
  const chunks = [];
  for await (const chunk of process.stdin)
    chunks.push(chunk);
  const answers = await Promise.all(JSON.parse(Buffer.concat(chunks).toString()).map(answer));
  console.log(JSON.stringify(answers.flat()));
}

const [command, ...rest] = process.argv.slice(2);
await { cases: () => cases(...rest), sign: () => requests(sign), seal: () => requests(seal), open: () => requests(open), texts: () => requests(text), digests: () => requests(digest), typed: () => requests(typed) }[command]();
