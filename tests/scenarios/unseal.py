"""Recorded data as it was before it was sealed, by other code than the ledger's: AES-256-GCM through libcrypto and
the key files of the folder data-keys. What has no key is None."""
import ctypes
import ctypes.util
import os

GCM_SET_TAG = 0x11
crypto = ctypes.CDLL(ctypes.util.find_library('crypto') or 'libcrypto.so.3')
crypto.EVP_aes_256_gcm.restype = crypto.EVP_CIPHER_CTX_new.restype = ctypes.c_void_p


class Unsealer:
    def __init__(self, state):
        self.keys = {}
        folder = os.path.join(state, 'data-keys')
        for name in os.listdir(folder) if os.path.isdir(folder) else []:
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
