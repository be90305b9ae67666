"""Declarations, vpn: made by tools/declaration_table.py, not by hand."""

from __future__ import annotations

TEXT = """\
configuration.network.vpn.always-on single i27.0:SDL:d:d v27.0:SDL:d
 VisibleName* str
 UIToggleEnabled bool
 TunnelConfigurations* arr
  - dict
   ProtocolType* str =IKEv2
   Interfaces arr
    - str =Cellular|WiFi
   IKEV2 dict
    HostName* str
    LocalIdentifier* str
    RemoteIdentifier* str
    Authentication* dict
     Method* str =None|SharedSecret|Certificate
     CredentialsAssetReference str @credential.userpassword
     IdentityCertificateType str =RSA|ECDSA256|ECDSA384|ECDSA521|RSA-PSS
     IdentityAssetReference str @credential.acme,credential.identity,credential.scep
     ExtendedAuth dict
      Enabled bool
      CredentialsAssetReference str @credential.userpassword
      ServerCertificateIssuerCommonName str
      ServerCertificateCommonName str
      TLSMinimumVersion str =1.0|1.1|1.2|1.3
      TLSMaximumVersion str =1.0|1.1|1.2|1.3
    Provider dict
     Type str =packet-tunnel|app-proxy
     ComposedIdentifier str
    NetworkRouting dict t!
     EnforceRoutes bool
     IncludeAllNetworks bool
     ExcludeLocalNetworks bool
     ExcludeCellularServices bool
     ExcludeAPNs bool
     ExcludeDeviceCommunication bool
    Idle dict
     Disconnect bool
     Timer int
     DeadPeerDetectionRate str =None|Low|Medium|High
    OnDemand dict
     Enabled bool
     DisableUserOverride bool m!
     Rules arr
      - dict
       Action* str =Allow|Connect|Disconnect|EvaluateConnection|Ignore
       ActionParameters arr
        - dict
         Domains* arr
          - str
         DomainAction* str =ConnectIfNeeded|NeverConnect
         RequiredDNSServers arr
          - str
         RequiredURLStringProbe str
       DNSDomainMatch arr
        - str
       DNSServerAddressMatch arr
        - str
       InterfaceTypeMatch str =Ethernet|WiFi|Cellular
       SSIDMatch arr
        - str
       URLStringProbe str
    UseConfigurationAttributeInternalIPSubnet bool
    DisableMOBIKE bool
    DisableRedirect bool
    EnableNATKeepAliveOffload bool
    NATKeepAliveInterval int
    EnablePFS bool
    EnableCertificateRevocationCheck bool
    EnableFallback bool m!
    MTU int 1280..1400
    EnforceStrictAlgorithmSelection bool
    PostQuantumKeyExchange dict
     PPK data
     PPKIdentifier str
     PPKMandatory bool
     AllowFallback bool
    IKESecurityAssociationParameters dict &network.vpn.always-on/SecurityAssociationParameters
    ChildSecurityAssociationParameters dict &network.vpn.always-on/SecurityAssociationParameters
 ServiceExceptions arr
  - dict
   ServiceName* str =VoiceMail|AirPrint|CellularServices|DeviceCommunication
   Action* str =Allow|Drop
 ApplicationExceptions arr
  - dict
   BundleIdentifier* str
   LimitToProtocols arr
    - str =UDP
 AllowCaptiveWebSheet bool
 AllowAllCaptiveNetworkPlugins bool
 AllowedCaptiveNetworkPlugins arr
  - dict
   BundleIdentifier* str
 DNS dict
  Protocol* str =Cleartext|HTTPS|TLS
  ServerURL str
  ServerName str
  ServerAddresses* arr
   - str
  SearchDomains arr
   - str
  DomainName str
  SupplementalMatchDomains arr &network.vpn.always-on/SupplementalMatchDomains
  SupplementalMatchDomainsNoSearch bool
  IdentityAssetReference str @credential.acme,credential.identity,credential.scep
 Proxies dict
  AutoConfigEnable bool
  AutoDiscoveryEnable bool
  AutoConfigURLString str
  SupplementalMatchDomains arr &network.vpn.always-on/SupplementalMatchDomains
  Protocol dict
   HTTP dict
    Enable bool
    HostName str
    Port int 0..65535
   HTTPS dict
    Enable bool
    HostName str
    Port int 0..65535
   CredentialsAssetReference str @credential.userpassword
configuration.network.vpn.ikev2 multiple i27.0:SDL:d:d m27.0:SL:du t27.0:SDL:d v27.0:SDL:d
 VisibleName* str
 HostName* str
 LocalIdentifier* str
 RemoteIdentifier* str
 Authentication* dict
  Method* str =None|SharedSecret|Certificate
  CredentialsAssetReference str @credential.userpassword
  IdentityCertificateType str =RSA|ECDSA256|ECDSA384|ECDSA521|RSA-PSS
  IdentityAssetReference str @credential.acme,credential.identity,credential.scep
  ExtendedAuth dict
   Enabled bool
   CredentialsAssetReference str @credential.userpassword
   ServerCertificateIssuerCommonName str
   ServerCertificateCommonName str
   TLSMinimumVersion str =1.0|1.1|1.2|1.3
   TLSMaximumVersion str =1.0|1.1|1.2|1.3
 Provider dict
  Type str =packet-tunnel|app-proxy
  ComposedIdentifier str
 NetworkRouting dict t!
  EnforceRoutes bool
  IncludeAllNetworks bool
  ExcludeLocalNetworks bool
  ExcludeCellularServices bool
  ExcludeAPNs bool
  ExcludeDeviceCommunication bool
 Idle dict
  Disconnect bool
  Timer int
  DeadPeerDetectionRate str =None|Low|Medium|High
 OnDemand dict
  Enabled bool
  DisableUserOverride bool m!
  Rules arr
   - dict
    Action* str =Allow|Connect|Disconnect|EvaluateConnection|Ignore
    ActionParameters arr
     - dict
      Domains* arr
       - str
      DomainAction* str =ConnectIfNeeded|NeverConnect
      RequiredDNSServers arr
       - str
      RequiredURLStringProbe str
    DNSDomainMatch arr
     - str
    DNSServerAddressMatch arr
     - str
    InterfaceTypeMatch str =Ethernet|WiFi|Cellular
    SSIDMatch arr
     - str
    URLStringProbe str
 UseConfigurationAttributeInternalIPSubnet bool
 DisableMOBIKE bool
 DisableRedirect bool
 EnableNATKeepAliveOffload bool
 NATKeepAliveInterval int
 EnablePFS bool
 EnableCertificateRevocationCheck bool
 EnableFallback bool m!
 MTU int 1280..1400
 EnforceStrictAlgorithmSelection bool
 PostQuantumKeyExchange dict
  PPK data
  PPKIdentifier str
  PPKMandatory bool
  AllowFallback bool
 IKESecurityAssociationParameters dict &network.vpn.ikev2/SecurityAssociationParameters
 ChildSecurityAssociationParameters dict &network.vpn.ikev2/SecurityAssociationParameters
 DNS dict
  Protocol* str =Cleartext|HTTPS|TLS
  ServerURL str
  ServerName str
  ServerAddresses* arr
   - str
  SearchDomains arr
   - str
  DomainName str
  SupplementalMatchDomains arr &network.vpn.ikev2/SupplementalMatchDomains
  SupplementalMatchDomainsNoSearch bool
  IdentityAssetReference str @credential.acme,credential.identity,credential.scep
 Proxies dict
  AutoConfigEnable bool
  AutoDiscoveryEnable bool
  AutoConfigURLString str
  SupplementalMatchDomains arr &network.vpn.ikev2/SupplementalMatchDomains
  Protocol dict
   HTTP dict
    Enable bool
    HostName str
    Port int 0..65535
   HTTPS dict
    Enable bool
    HostName str
    Port int 0..65535
   CredentialsAssetReference str @credential.userpassword
configuration.network.vpn.ipsec multiple i27.0:SDL:d:d m27.0:SL:d v27.0:SDL:d
 VisibleName* str
 HostName* str
 OverridePrimary bool
 Authentication* dict
  Method* str =SharedSecret|Certificate
  CredentialsAssetReference str @credential.userpassword
  IdentityAssetReference str @credential.acme,credential.identity,credential.scep
  LocalIdentifier str
  LocalIdentifierType str =KeyID
  PromptForVPNPIN bool
  XAuth dict
   Enabled* bool
   CredentialsAssetReference str @credential.userpassword
   PasswordEncryption str =Prompt
 Idle dict
  Disconnect bool
  Timer int
 OnDemand dict
  Enabled bool
  DisableUserOverride bool m!
  Rules arr
   - dict
    Action* str =Allow|Connect|Disconnect|EvaluateConnection|Ignore
    ActionParameters arr
     - dict
      Domains* arr
       - str
      DomainAction* str =ConnectIfNeeded|NeverConnect
      RequiredDNSServers arr
       - str
      RequiredURLStringProbe str
    DNSDomainMatch arr
     - str
    DNSServerAddressMatch arr
     - str
    InterfaceTypeMatch str =Ethernet|WiFi|Cellular
    SSIDMatch arr
     - str
    URLStringProbe str
 DNS dict
  Protocol* str =Cleartext|HTTPS|TLS
  ServerURL str
  ServerName str
  ServerAddresses* arr
   - str
  SearchDomains arr
   - str
  DomainName str
  SupplementalMatchDomains arr &network.vpn.ipsec/SupplementalMatchDomains
  SupplementalMatchDomainsNoSearch bool
  IdentityAssetReference str @credential.acme,credential.identity,credential.scep
 Proxies dict
  AutoConfigEnable bool
  AutoDiscoveryEnable bool
  AutoConfigURLString str
  SupplementalMatchDomains arr &network.vpn.ipsec/SupplementalMatchDomains
  Protocol dict
   HTTP dict
    Enable bool
    HostName str
    Port int 0..65535
   HTTPS dict
    Enable bool
    HostName str
    Port int 0..65535
   CredentialsAssetReference str @credential.userpassword
configuration.network.vpn.vpn-plugin multiple i27.0:SDL:d:d m27.0:SL:d t27.0:SDL:d v27.0:SDL:d
 VisibleName* str
 HostName* str
 SubType* str
 VendorConfig dict
  Realm str
  Role str
  Group str
  LoginGroupOrDomain str
 Authentication* dict
  Method* str =Password|Certificate|Password+Certificate
  CredentialsAssetReference str @credential.userpassword
  IdentityAssetReference str @credential.acme,credential.identity,credential.scep
 Provider dict
  Type str =packet-tunnel|app-proxy
  ComposedIdentifier str
 NetworkRouting dict t!
  EnforceRoutes bool
  IncludeAllNetworks bool
  ExcludeLocalNetworks bool
  ExcludeCellularServices bool
  ExcludeAPNs bool
  ExcludeDeviceCommunication bool
 Idle dict
  Disconnect bool
  Timer int
 OnDemand dict
  Enabled bool
  DisableUserOverride bool m!
  Rules arr
   - dict
    Action* str =Allow|Connect|Disconnect|EvaluateConnection|Ignore
    ActionParameters arr
     - dict
      Domains* arr
       - str
      DomainAction* str =ConnectIfNeeded|NeverConnect
      RequiredDNSServers arr
       - str
      RequiredURLStringProbe str
    DNSDomainMatch arr
     - str
    DNSServerAddressMatch arr
     - str
    InterfaceTypeMatch str =Ethernet|WiFi|Cellular
    SSIDMatch arr
     - str
    URLStringProbe str
 DNS dict
  Protocol* str =Cleartext|HTTPS|TLS
  ServerURL str
  ServerName str
  ServerAddresses* arr
   - str
  SearchDomains arr
   - str
  DomainName str
  SupplementalMatchDomains arr &network.vpn.vpn-plugin/SupplementalMatchDomains
  SupplementalMatchDomainsNoSearch bool
  IdentityAssetReference str @credential.acme,credential.identity,credential.scep
 Proxies dict
  AutoConfigEnable bool
  AutoDiscoveryEnable bool
  AutoConfigURLString str
  SupplementalMatchDomains arr &network.vpn.vpn-plugin/SupplementalMatchDomains
  Protocol dict
   HTTP dict
    Enable bool
    HostName str
    Port int 0..65535
   HTTPS dict
    Enable bool
    HostName str
    Port int 0..65535
   CredentialsAssetReference str @credential.userpassword
shape network.vpn.always-on/SecurityAssociationParameters
 EncryptionAlgorithm str =AES-128|AES-256|AES-128-GCM|AES-256-GCM|ChaCha20Poly1305
 IntegrityAlgorithm str =SHA2-256|SHA2-384|SHA2-512
 DiffieHellmanGroup int =14|15|16|17|18|19|20|21|31|32
 PostQuantumKeyExchangeMethods arr
  - int =0|36|37
 LifeTimeInMinutes int 10..1440
shape network.vpn.always-on/SupplementalMatchDomains
 - str
shape network.vpn.ikev2/SecurityAssociationParameters
 EncryptionAlgorithm str =AES-128|AES-256|AES-128-GCM|AES-256-GCM|ChaCha20Poly1305
 IntegrityAlgorithm str =SHA2-256|SHA2-384|SHA2-512
 DiffieHellmanGroup int =14|15|16|17|18|19|20|21|31|32
 PostQuantumKeyExchangeMethods arr
  - int =0|36|37
 LifeTimeInMinutes int 10..1440
shape network.vpn.ikev2/SupplementalMatchDomains
 - str
shape network.vpn.ipsec/SupplementalMatchDomains
 - str
shape network.vpn.vpn-plugin/SupplementalMatchDomains
 - str
"""
