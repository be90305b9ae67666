"""Declarations, network: made by tools/declaration_table.py, not by hand."""

from __future__ import annotations

TEXT = """\
configuration.extensible-sso multiple i27.0:SDU:d:u m27.0:SU:du v27.0:SDU:d
 ExtensionComposedIdentifier* str
 Type* str =Credential|Redirect
 Realm str
 ExtensionData dict
  ANY any
 URLs arr
  - str
 Hosts arr
  - str
 DeniedBundleIdentifiers arr
  - str
 ScreenLockedBehavior str =Cancel|DoNotHandle
 PlatformSSO dict i! v!
  AuthenticationMethod str =Password|UserSecureEnclaveKey|SmartCard|OpenID
  RegistrationToken str i! v!
  UseSharedDeviceKeys bool m::d
  LoginFrequency int 3600..
  AllowDeviceIdentifiersInAttestation bool
  Account dict
   DisplayName str
   SynchronizeProfilePicture bool
  UserCreation dict
   EnableAtLogin bool
   EnableFirstUserDuringSetup bool
   EnableRegistrationDuringSetup bool
   NewUserAuthenticationMethods arr
    - str =Password|SmartCard|AccessKey|OpenID
   NewUserAuthorizationMode str =Standard|Admin|Groups|Temporary
   TokenToUserMapping dict
    AccountName str
    FullName str
   TemporarySessionQuickLogin bool
  Authorization dict
   EnableIdentityProviderAccounts bool
   UserAuthorizationMode str =Standard|Admin|Groups
   AdministratorGroups arr
    - str
   AdditionalGroups arr
    - str
   AuthorizationGroups dict
    ANY str
  AccessKey dict
   ReaderGroupIdentifier data
   TerminalIdentityAssetReference str @credential.identity,credential.scep,credential.acme
   ReaderIssuerCertificateAssetReference str @credential.certificate
   AllowExpressMode bool
  Policies dict
   FileVault arr
    - str =AttemptAuthentication|RequireAuthentication|AllowOfflineGracePeriod|\
AllowAuthenticationGracePeriod|RequireTouchID|RequireTouchIDOrWatch|AllowOpenIDForTouchIDFallback
   Login arr
    - str =AttemptAuthentication|RequireAuthentication|AllowOfflineGracePeriod|\
AllowAuthenticationGracePeriod|RequireTouchID|RequireTouchIDOrWatch|AllowOpenIDForTouchIDFallback
   Unlock arr
    - str =AttemptAuthentication|RequireAuthentication|AllowOfflineGracePeriod|\
AllowAuthenticationGracePeriod|AllowTouchIDOrWatchForUnlock|RequireTouchID|RequireTouchIDOrWatch|\
AllowOpenIDForTouchIDFallback
   OfflineGracePeriod int
   AuthenticationGracePeriod int
   NonPlatformSSOAccounts arr
    - str
  WebAuthentication dict m27.0
   URLAllowList arr
    - str
   AllowPasswordSync bool
configuration.network.dns-proxy multiple i27.0:SDU:d:d m27.0:SL:d v27.0:SDU:d
 VisibleName* str
 AppBundleIdentifier* str
 ProviderComposedIdentifier str
 ProviderConfiguration dict
  ANY any
 DNSProxyUUID str m!
configuration.network.dns-settings multiple i27.0:SDL:d:d m27.0:SL:d v27.0:SDL:d
 VisibleName* str
 DNSSettings* dict
  DNSProtocol* str =HTTPS|TLS
  ServerURL str
  ServerName str
  ServerAddresses arr
   - str
  AllowFailover bool
  IdentityAssetReference str @credential.identity,credential.scep,credential.acme
  SupplementalMatchDomains arr
   - str
 OnDemandRules arr
  - dict
   Action* str =Connect|Disconnect|EvaluateConnection
   ActionParameters arr
    - dict
     Domains* arr
      - str
     DomainAction* str =NeverConnect|ConnectIfNeeded
   DNSDomainMatch arr
    - str
   DNSServerAddressMatch arr
    - str
   InterfaceTypeMatch str =Ethernet|WiFi|Cellular
   SSIDMatch arr
    - str
   URLStringProbe str
 ProhibitDisablement bool i:S m:S v:S
configuration.network.relay multiple i27.0:SDU:d:u m27.0:SU:d v27.0:SDU:d
 VisibleName* str
 Relays* arr
  - dict
   HTTP3RelayURL str
   HTTP2RelayURL str
   AdditionalHTTPHeaderFields dict
    ANY str
   CredentialAssetReference str @credential.identity,credential.scep,credential.acme
   PublicKeyData arr @data
    - str
 MatchDomains arr
  - str
 ExcludedDomains arr
  - str
 MatchFQDNs arr
  - str
 ExcludedFQDNs arr
  - str
 RelayUUID str m!
 UIToggleEnabled bool
 AllowDNSFailover bool
configuration.webcontent-filter.plugin multiple i27.0:SDUL:d:d m27.0:SL:d v27.0:SDUL:d
 VisibleName* str
 PluginBundleID* str
 ContentFilterUUID str m!
 ServerAddress str
 Organization str
 VendorConfig dict
  ANY any
 Authentication dict
  CredentialsAssetReference str @credential.userpassword
  IdentityAssetReference str @credential.acme,credential.identity,credential.scep
 Filter dict
  Grade str =firewall|inspector i! v!
  Browsers dict m!
   Enabled* bool
  Sockets dict
   Enabled* bool
   ProviderComposedIdentifier str
  Packets dict i! v!
   Enabled* bool
   ProviderComposedIdentifier str
  URLs dict v!
   Enabled* bool
   Parameters dict
    ProviderComposedIdentifier* str
    PIR* dict
     ServerURL* str
     PrivacyPassIssuerURL* str
     AuthenticationTokenAssetReference str @credential.userpassword
    FailClosed bool
    PrefilterFetchFrequency int 2700..
"""
