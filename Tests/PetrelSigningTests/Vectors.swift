// SPDX-License-Identifier: Apache-2.0

/// Made by OpenSSL 3.0: `ecparam -name prime256v1 -genkey`, `pkcs8 -topk8`, `ec -pubout`, `dgst -sha256 -sign`.
enum Vectors {
  static let sec1 = """
    -----BEGIN EC PARAMETERS-----
    BggqhkjOPQMBBw==
    -----END EC PARAMETERS-----
    -----BEGIN EC PRIVATE KEY-----
    MHcCAQEEIBU7FU+L2xEaDBiQFgfEdgdDiXINKXx+32pK91BGM1d5oAoGCCqGSM49
    AwEHoUQDQgAEtPLfRFMt2H+dxFf7ASST3xlFxbcrgPnlKZbctm3rb6tylIjq3c4S
    mTAVekSgCefnfsU6dQblne4yQuz2J6Y6dQ==
    -----END EC PRIVATE KEY-----

    """
  static let pkcs8 = """
    -----BEGIN PRIVATE KEY-----
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgFTsVT4vbERoMGJAW
    B8R2B0OJcg0pfH7fakr3UEYzV3mhRANCAAS08t9EUy3Yf53EV/sBJJPfGUXFtyuA
    +eUplty2betvq3KUiOrdzhKZMBV6RKAJ5+d+xTp1BuWd7jJC7PYnpjp1
    -----END PRIVATE KEY-----

    """
  static let publicKey = """
    -----BEGIN PUBLIC KEY-----
    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEtPLfRFMt2H+dxFf7ASST3xlFxbcr
    gPnlKZbctm3rb6tylIjq3c4SmTAVekSgCefnfsU6dQblne4yQuz2J6Y6dQ==
    -----END PUBLIC KEY-----

    """
  /// SHA-256 of the public key's DER form.
  static let fingerprint = "sha256:27c7d5c684cccbf283be4f58e1db50d82e0d2fdc49d72a998f4257bfe35abef1"
  static let digest = "sha256:97fc222cee7991b5b061d4d4afdb5f3428fcb0c9054e1690313786befa1e4e36"
  /// As cosign writes it for an image on Docker Hub.
  static let payload =
    #"{"critical":{"identity":{"docker-reference":"index.docker.io/myorg/demo"},"image":{"docker-manifest-digest":"\#(digest)"},"type":"cosign container image signature"},"optional":null}"#
  static let signature =
    "MEYCIQCyHAzii9JToJwFxFX5k5yg30NwIVhe/WO2HOJ5GsWj2QIhAMJYxNmIHjxkpZR840tDmIyBEw4IaaLV5MDb0zZNDS1Y"

  static let encryptedPKCS8 = """
    -----BEGIN ENCRYPTED PRIVATE KEY-----
    MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAj+o73Xw37/egICCAAw
    DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEAtXBXhtevi6sOPY7iY2/sIEgZAy
    xd9RnYLyqI3XGS1rR7vtxoVuw/XyvgyTWwZTSNeiF6P0+mJwrUNwg+hndJP895Lp
    MViPCO36rzPEHGWxUE7LubigrcgkQYeGqT76DizPWuStRSApnzpR4/MH7CxrM90n
    /huUzqE70x8S3HtOJzdLmQnHuh66nadXJkzm7UO46QPdvEnNmKQmlN44d1fgUos=
    -----END ENCRYPTED PRIVATE KEY-----
    """
  static let encryptedSEC1 = """
    -----BEGIN EC PRIVATE KEY-----
    Proc-Type: 4,ENCRYPTED
    DEK-Info: AES-128-CBC,4C4291B1E8116A38D2753C6FF195BAC8

    KhCBkCnIhN56r9eD3p8BJLENMiPjPQEnsbcA/t0/cXgW4rAlut/tlmjSsTPmw2sI
    EShqpuu6ldNzmrfal9Q0u9XLz1qx+XsL2LI5N/+OoqekQGaQ7F4ZcmZpSJr1EBFR
    A36aeai5FikP80hGABihAWBmj+9Zc9YkcnZzG0ZDgZ4=
    -----END EC PRIVATE KEY-----
    """
  static let p384 = """
    -----BEGIN PUBLIC KEY-----
    MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEwDjqSfs836VSXyB49bUJBc9n2q4kHgkj
    uGRZp1cwpS+IT13NUZJ4EiG124dNpel1ZVylCA/z15COyPBtCsW6JHruF0dWjzZK
    afvuFB+yiX6MUIjyKD0J7+dUXQQpTgXI
    -----END PUBLIC KEY-----
    """
  static let ed25519 = """
    -----BEGIN PUBLIC KEY-----
    MCowBQYDK2VwAyEAHurqktgOmn81UjWixlXuV/IoF7oXMuz1z2GLfVlhZ4k=
    -----END PUBLIC KEY-----
    """
}
