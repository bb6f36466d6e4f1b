"""Recorded data as it was before it was sealed, by other code than the ledger's: AES-256-GCM through libcrypto and
the key files of the folder data-keys. What has no key is None."""
import ctypes
import ctypes.util
import os
import struct

GCM_SET_TAG = 0x11
crypto = ctypes.CDLL(ctypes.util.find_library('crypto') or 'libcrypto.so.3')
crypto.EVP_aes_256_gcm.restype = crypto.EVP_CIPHER_CTX_new.restype = ctypes.c_void_p


class Unsealer:
    def __init__(self, state):
        self.keys = {}
        folder = os.path.join(state, 'data-keys')
        for name in os.listdir(folder) if os.path.isdir(folder) else []:
            if len(name) != 32:  # one that is being written
                continue
            with open(os.path.join(folder, name), 'rb') as f:
                data = f.read()
            if data[:4] == b'SKD1':
                at = 6 + int.from_bytes(data[4:6], 'big')
                self.keys[bytes.fromhex(name)] = data[at:at + 32]
        self.context = ctypes.c_void_p(crypto.EVP_CIPHER_CTX_new())
        self.cipher = ctypes.c_void_p(crypto.EVP_aes_256_gcm())

    def open(self, index, body):
        if body[:5] != b'\x80SKE\1':
            return body
        key, nonce, sealed, tag = self.keys.get(body[5:21]), body[21:33], body[33:-16], body[-16:]
        if key is None:
            return None
        n, out, bound = ctypes.c_int(0), ctypes.create_string_buffer(len(sealed) + 16), index.to_bytes(8, 'big')
        good = (crypto.EVP_DecryptInit_ex(self.context, self.cipher, None, key, nonce)
                and crypto.EVP_DecryptUpdate(self.context, None, ctypes.byref(n), bound, 8)
                and crypto.EVP_DecryptUpdate(self.context, out, ctypes.byref(n), sealed, len(sealed))
                and crypto.EVP_CIPHER_CTX_ctrl(self.context, GCM_SET_TAG, 16, tag)
                and crypto.EVP_DecryptFinal_ex(self.context, out, ctypes.byref(n)) > 0)
        assert good, f'entry {index} does not open'
        return out.raw[:len(sealed)]


def field_end(body, at):
    return at + 2 + struct.unpack_from('>H', body, at)[0]


def message(body):
    """Publisher, topic and payload of one: the format of src/ledger/data.h."""
    who_end = field_end(body, 2)
    at = topic_end = field_end(body, who_end)
    if body[0] & 16:  # DATA_SESSION: client id, packet identifier
        at = field_end(body, at) + 2
    if body[0] & 8:  # DATA_PROPERTIES
        at = field_end(body, at)
    return body[4:who_end].decode(), body[who_end + 2:topic_end].decode(), body[at:]


def messages(ledger, keyless=None):
    """(index, publisher, topic, payload) of each message a leaf commits: the format of src/ledger/format.h, read by other
    code. What is sealed under a key that is not there is lost to whoever was promised it; keyless gets (index, key id)."""
    frames, sealed = {}, Unsealer(os.path.dirname(ledger))
    for name in sorted(os.listdir(os.path.join(ledger, 'data'))):
        with open(os.path.join(ledger, 'data', name), 'rb') as f:
            frames[int(name)] = f.read()
    for name in sorted(os.listdir(os.path.join(ledger, 'leaves'))):
        with open(os.path.join(ledger, 'leaves', name), 'rb') as f:
            leaves = f.read()
        for at in range(0, len(leaves), 128):
            magic, kind = struct.unpack_from('>IB', leaves, at)
            if magic != 0x534B4C31:
                break
            segment, length, offset = struct.unpack_from('>IIQ', leaves, at + 72)
            if kind != 32:
                continue
            index, frame = struct.unpack_from('>Q', leaves, at + 8)[0], frames[segment][offset + 32:offset + length]
            body = sealed.open(index, frame)
            if body is not None:
                yield index, *message(body)
            elif keyless is not None:
                keyless.append((index, frame[5:21].hex()))
