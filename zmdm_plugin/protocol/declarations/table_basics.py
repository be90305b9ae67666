"""Declarations, basics: made by tools/declaration_table.py, not by hand."""

from __future__ import annotations

TEXT = """\
activation.simple i15.0 m13.0 t16.0 v1.1 w10.0
 StandardConfigurations* arr
  - str
 Predicate str
asset.credential.acme i17.0 m14.0 t17.0 v1.1 w10.0
 Reference* dict ~json
  DataURL* str
  ContentType str
  Size int
  Hash-SHA-256 str
 Authentication dict
  Type* str =MDM|None
 Accessible str =Default|AfterFirstUnlock
asset.credential.certificate i17.0 m14.0 t17.0 v1.1 w10.0
 Reference* dict ~certificate
  DataURL* str
  ContentType str
  Size int
  Hash-SHA-256 str
 Authentication dict
  Type* str =MDM|None
asset.credential.identity i17.0 m14.0 t17.0 v1.1 w10.0
 Reference* dict ~json
  DataURL* str
  ContentType str
  Size int
  Hash-SHA-256 str
 Authentication dict
  Type* str =MDM|None
 Accessible str =Default|AfterFirstUnlock
asset.credential.scep i17.0 m14.0 t17.0 v1.1 w10.0
 Reference* dict ~json
  DataURL* str
  ContentType str
  Size int
  Hash-SHA-256 str
 Authentication dict
  Type* str =MDM|None
 Accessible str =Default|AfterFirstUnlock
asset.credential.userpassword i15.0 m13.0 t16.0 v1.1 w10.0
 Reference* dict ~json
  DataURL* str
  ContentType str
  Size int
  Hash-SHA-256 str
 Authentication dict i17.0 m14.0 t17.0 w10.0
  Type* str =MDM|None
asset.data i17.0 m14.0 t17.0 v1.1 w10.0
 Reference* dict
  DataURL* str
  ContentType str
  Size int
  Hash-SHA-256 str
 Authentication dict
  Type* str =MDM|None
asset.useridentity i15.0 m13.0 t16.0 v1.1 w10.0
 FullName str
 EmailAddress str
credential.acme i17.0 m14.0 t17.0 v1.1 w10.0
 DirectoryURL* str
 ClientIdentifier* str
 KeySize* int
 KeyType* str =RSA|ECSECPrimeRandom
 HardwareBound* bool
 Subject* arr
  - arr
   - arr #2..2
    - str
 SubjectAltName dict
  rfc822Name str
  dNSName str
  uniformResourceIdentifier str
  ntPrincipalName str
 UsageFlags int
 ExtendedKeyUsage arr
  - str
 Attest bool
credential.identity i17.0 m14.0 t17.0 v1.1 w10.0
 Password* str
 Identity* data
credential.scep i17.0 m14.0 t17.0 v1.1 w10.0
 URL* str
 Name str
 Subject arr
  - arr
   - arr #2..2
    - str
 Challenge str
 Keysize int =1024|2048|4096
 Key Type str
 Key Usage int
 CAFingerprint data
 Retries int
 RetryDelay int
 SubjectAltName dict
  rfc822Name str
  dNSName str
  uniformResourceIdentifier str
  ntPrincipalName str
credential.usernameandpassword i15.0 m13.0 t16.0 v1.1 w10.0
 UserName* str
 Password str
management.organization-info i15.0 m13.0 t16.0 v1.1 w10.0
 Name* str
 Email str
 URL str
 Proof dict
  IdentityToken str
management.properties i16.0 m13.0 t16.0 v1.1 w10.0
 ANY any
management.server-capabilities i15.0 m13.0 t16.0 v1.1 w10.0
 Version* str
 SupportedFeatures* dict
  ANY any
"""
