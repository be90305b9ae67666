"""Declarations, accounts: made by tools/declaration_table.py, not by hand."""

from __future__ import annotations

TEXT = """\
configuration.account.caldav multiple i15.0:SDUL:d:u m13.0:SUL:u v1.1:SDUL:d
 VisibleName str
 HostName* str
 Port int
 Path str
 AuthenticationCredentialsAssetReference str @credential.userpassword
configuration.account.carddav multiple i15.0:SDUL:d:u m13.0:SUL:u v1.1:SDUL:d
 VisibleName str
 HostName* str
 Port int
 Path str
 AuthenticationCredentialsAssetReference str @credential.userpassword
configuration.account.exchange multiple i15.0:SDUL:d:u m13.0:SUL:u v1.1:SDUL:d
 VisibleName str
 EnabledProtocolTypes* arr
  - str =EAS|EWS
 UserIdentityAssetReference str @useridentity
 HostName str
 Port int i! v!
 Path str i! v!
 ExternalHostName str i! v!
 ExternalPort int i! v!
 External Path str i! v!
 OAuth dict
  Enabled* bool
  SignInURL str
  TokenRequestURL str m!
 AuthenticationCredentialsAssetReference str @credential.userpassword
 AuthenticationIdentityAssetReference str @credential.acme,credential.identity,credential.scep
 SMIME dict i17.0 m!
  Signing dict
   Enabled* bool
   IdentityAssetReference str @credential.acme,credential.identity,credential.scep
   UserOverrideable bool
   IdentityUserOverrideable bool
  Encryption dict
   Enabled* bool
   IdentityAssetReference str @credential.acme,credential.identity,credential.scep
   UserOverrideable bool
   IdentityUserOverrideable bool
   PerMessageSwitchEnabled bool
 MailServiceActive bool
 LockMailService bool m!
 ContactsServiceActive bool
 LockContactsService bool m!
 CalendarServiceActive bool
 LockCalendarService bool m!
 RemindersServiceActive bool
 LockRemindersService bool m!
 NotesServiceActive bool
 LockNotesService bool m!
configuration.account.google multiple i15.0:SDUL:d:u m13.0:SUL:u v1.1:SDUL:d
 VisibleName str
 UserIdentityAssetReference* str @useridentity
configuration.account.ldap multiple i15.0:SDUL:d:u m13.0:SUL:u v1.1:SDUL:d
 VisibleName str
 HostName* str
 Port int
 AuthenticationCredentialsAssetReference str @credential.userpassword
 SearchSettings arr
  - dict
   VisibleDescription str
   SearchBase* str
   Scope str =Base|OneLevel|Subtree
configuration.account.mail multiple i15.0:SDUL:d:u m13.0:SUL:u v1.1:SDUL:d
 VisibleName str
 UserIdentityAssetReference str @useridentity
 IncomingServer* dict
  ServerType* str =IMAP|POP
  HostName* str
  Port int
  AuthenticationMethod* str =None|Password|CRAMMD5|NTLM|HTTPMD5
  AuthenticationCredentialsAssetReference str @credential.userpassword
  IMAPPathPrefix str
 OutgoingServer* dict
  HostName* str
  Port int
  AuthenticationMethod* str =None|Password|CRAMMD5|NTLM|HTTPMD5
  AuthenticationCredentialsAssetReference str @credential.userpassword
 SMIME dict i17.0 m!
  Signing dict
   Enabled* bool
   IdentityAssetReference str @credential.acme,credential.identity,credential.scep
   UserOverrideable bool
   IdentityUserOverrideable bool
  Encryption dict
   Enabled* bool
   IdentityAssetReference str @credential.acme,credential.identity,credential.scep
   UserOverrideable bool
   IdentityUserOverrideable bool
   PerMessageSwitchEnabled bool
configuration.account.subscribed-calendar multiple i15.0:SDUL:d:u m14.0:SUL:u v1.1:SDUL:d
 VisibleName str
 CalendarURL* str
 AuthenticationCredentialsAssetReference str @credential.userpassword
configuration.app.managed multiple i17.2:SDU:d:d m26.0:SU:du v2.4:SDU:d
 AppStoreID str
 BundleID str
 ManifestURL str m!
 AppComposedIdentifier str i! m26.0 v!
 iOSApp bool i! m26.0 v!
 InstallBehavior dict
  Install str =Optional|Required
  License dict
   Assignment str =Device|User
   VPPType str =Device|User i-18.0 m! v!
  Version int i26.0 m26.0 v26.0
  AllowDownloadsOverCellular str =AlwaysOn|AlwaysOff|StoreSettings i26.0:S m! v!
 UpdateBehavior dict i26.0 m26.0 v26.0
  AutomaticAppUpdates* str =AlwaysOn|AlwaysOff|StoreSettings
 IncludeInBackup bool m!
 Attributes dict m!
  AssociatedDomains arr
   - str
  AssociatedDomainsEnableDirectDownloads bool
  CellularSliceUUID str v!
  ContentFilterUUID str
  DNSProxyUUID str
  Hideable bool i18.1 v!
  Lockable bool i18.1 v!
  RelayUUID str
  TapToPayScreenLock bool v!
  VPNUUID str
 AppConfig dict &app.managed/AppConfigDictionary i18.4 m27.0
 ExtensionConfigs dict i18.4 m27.0
  ANY dict &app.managed/AppConfigDictionary
 LegacyAppConfigAssetReference str @data ~plist i18.4 m27.0
configuration.app.settings combined i27.0:S:d:u m27.0:S:du t27.0:S:d v27.0:S:d
 Allowed dict
  AllowedApps arr &app.settings/DeniedApps m!
  DeniedApps arr &app.settings/DeniedApps m!
  AllowedBinaries arr &app.settings/DeniedBinaries i! m::d t! v! w!
  DeniedBinaries arr &app.settings/DeniedBinaries i! m::d t! v! w!
  AlwaysAllowManagedApps bool i! m::d t! v!
 Privacy dict m::u t! v! w!
  PermissionDefaults dict
   ANY dict
    OrganizationJustification* str
    Accessibility str =None|Allow i!
    Bluetooth str =None|Allow
    Camera str =None|Allow
    Dictation str =None|Allow
    LocalNetwork str =None|Allow
    Location str =None|WhileUsing|Always
    LocationAccuracy str =None|Approximate|Precise m!
    Microphone str =None|Allow
configuration.package multiple m26.0:S:d
 ManifestURL* str
 InstallBehavior dict
  Install str =Optional|Required
 UninstallBehavior dict m27.0
  Remove bool
shape app.managed/AppConfigDictionary
 DataAssetReference str @data ~plist
 Passwords arr
  - dict
   Identifier* str
   AssetReference* str @credential.userpassword
 Identities arr
  - dict
   Identifier* str
   AssetReference* str @credential.identity,credential.scep,credential.acme
 Certificates arr
  - dict
   Identifier* str
   AssetReference* str @credential.certificate
shape app.settings/DeniedApps
 - str
shape app.settings/DeniedBinaries
 - dict
  CDHash str
  SigningID str
  TeamID str
  PathPrefix str
  SigningState str =All|TestFlight|DeveloperID|Enterprise|AppStore|Apple
"""
