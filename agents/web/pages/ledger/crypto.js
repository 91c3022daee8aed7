/* Hashes and signatures, loaded when a page first needs them: @noble's, in the shape that ledger/verify wants. */
import { concat, hex } from "/verify/format.mjs";

let loading = null;

/* → {sha256, keccak256, recover, sign(digest, secret) → 65 bytes, addressOf(secret) → 20 bytes, usable(secret)} */
export function crypto() {
    loading ??= load().catch((error) => {
        loading = null;
        throw error;
    });
    return loading;
}

async function load() {
    const [{ secp256k1 }, { keccak_256: keccak256 }, { sha256 }] = await Promise.all([
        import("/vendor/noble/curves/secp256k1.js"),
        import("/vendor/noble/hashes/sha3.js"),
        import("/vendor/noble/hashes/sha2.js"),
    ]);
    const addressOfKey = (publicKey) => keccak256(publicKey.subarray(1)).subarray(12);
    return {
        sha256,
        keccak256,
        recover(digest, signature) {
            try {
                const found = secp256k1.Signature.fromCompact(signature.subarray(0, 64)).addRecoveryBit(signature[64] - 27);
                return addressOfKey(found.recoverPublicKey(digest).toRawBytes(false));
            } catch {
                return null;
            }
        },
        sign(digest, secret) {
            const signature = secp256k1.sign(digest, secret, { lowS: true });
            return concat(signature.toCompactRawBytes(), [27 + signature.recovery]);
        },
        addressOf: (secret) => addressOfKey(secp256k1.getPublicKey(secret, false)),
        usable: (secret) => secp256k1.utils.isValidPrivateKey(secret),
    };
}

/* "0x…" in the mixed case of EIP-55, of 20 bytes. */
export function checksummed(bytes, keccak256) {
    const text = hex(bytes).slice(2);
    const digest = hex(keccak256(new TextEncoder().encode(text))).slice(2);
    return "0x" + [...text].map((digit, i) => (parseInt(digest[i], 16) >= 8 ? digit.toUpperCase() : digit)).join("");
}

export const sameAddress = (a, b) => typeof a === "string" && typeof b === "string" && a.toLowerCase() === b.toLowerCase();
