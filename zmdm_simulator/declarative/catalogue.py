"""Apple's declaration types and status items: where each exists, and the keys of each type.

An entry is a name, then a line of places, then (declarations) the keys. A place is a platform
(i iOS and iPadOS, m macOS, t tvOS, v visionOS, w watchOS), the version that brought it, the kinds
of enrollment (S supervised, D device, U user) and the channels (s system, u user; a last part for a
Shared iPad). `*` marks a required key; :i integer, :b Boolean, :a array, :d dictionary, otherwise a
string; `_` stands for a space.

https://developer.apple.com/documentation/devicemanagement/declarations
"""

from __future__ import annotations

DECLARATIONS = """\
activation.simple
  @ i15.0 m13.0 t16.0 v1.1 w10.0
  StandardConfigurations*:a Predicate
asset.credential.acme
  @ i17.0 m14.0 t17.0 v1.1 w10.0
  Reference*:d Authentication:d Accessible
asset.credential.certificate
  @ i17.0 m14.0 t17.0 v1.1 w10.0
  Reference*:d Authentication:d
asset.credential.identity
  @ i17.0 m14.0 t17.0 v1.1 w10.0
  Reference*:d Authentication:d Accessible
asset.credential.scep
  @ i17.0 m14.0 t17.0 v1.1 w10.0
  Reference*:d Authentication:d Accessible
asset.credential.userpassword
  @ i15.0 m13.0 t16.0 v1.1 w10.0
  Reference*:d Authentication:d
asset.data
  @ i17.0 m14.0 t17.0 v1.1 w10.0
  Reference*:d Authentication:d
asset.useridentity
  @ i15.0 m13.0 t16.0 v1.1 w10.0
  FullName EmailAddress
configuration.account.caldav
  @ i15.0/SDU/s/u m13.0/SU/u v1.1/SDU/s
  VisibleName HostName* Port:i Path AuthenticationCredentialsAssetReference
configuration.account.carddav
  @ i15.0/SDU/s/u m13.0/SU/u v1.1/SDU/s
  VisibleName HostName* Port:i Path AuthenticationCredentialsAssetReference
configuration.account.exchange
  @ i15.0/SDU/s/u m13.0/SU/u v1.1/SDU/s
  VisibleName EnabledProtocolTypes*:a UserIdentityAssetReference HostName Port:i Path
  ExternalHostName ExternalPort:i External_Path OAuth:d AuthenticationCredentialsAssetReference
  AuthenticationIdentityAssetReference SMIME:d MailServiceActive:b LockMailService:b
  ContactsServiceActive:b LockContactsService:b CalendarServiceActive:b LockCalendarService:b
  RemindersServiceActive:b LockRemindersService:b NotesServiceActive:b LockNotesService:b
configuration.account.google
  @ i15.0/SDU/s/u m13.0/SU/u v1.1/SDU/s
  VisibleName UserIdentityAssetReference*
configuration.account.ldap
  @ i15.0/SDU/s/u m13.0/SU/u v1.1/SDU/s
  VisibleName HostName* Port:i AuthenticationCredentialsAssetReference SearchSettings:a
configuration.account.mail
  @ i15.0/SDU/s/u m13.0/SU/u v1.1/SDU/s
  VisibleName UserIdentityAssetReference IncomingServer*:d OutgoingServer*:d SMIME:d
configuration.account.subscribed-calendar
  @ i15.0/SDU/s/u m14.0/SU/u v1.1/SDU/s
  VisibleName CalendarURL* AuthenticationCredentialsAssetReference
configuration.app.managed
  @ i17.2/SDU/s m26.0/SU/su v2.4/SDU/s
  AppStoreID BundleID ManifestURL InstallBehavior:d IncludeInBackup:b Attributes:d
  AppComposedIdentifier iOSApp:b UpdateBehavior:d AppConfig:d ExtensionConfigs:d
  LegacyAppConfigAssetReference
configuration.app.settings
  @ i27.0/S/s/u m27.0/S/su t27.0/S/s v27.0/S/s
  Allowed:d Privacy:d
configuration.audio-accessory.settings
  @ i26.0/S/s
  TemporaryPairing:d
configuration.content-cache.settings
  @ m27.0/S/s
  AllowCacheDelete:b AllowPersonalCaching:b AllowSharedCaching:b AutoActivation:b
  AutoEnableTetheredCaching:b CacheLimit:i DataPath DenyActivation:b DenyTetheredCaching:b
  DeclarativeStatusInterval:i DisplayAlerts:b KeepAwake:b ListenRanges:a ListenRangesOnly:b
  ListenWithPeersAndParents:b LocalSubnetsOnly:b LogClientIdentity:b Parents:a
  ParentSelectionPolicy PeerFilterRanges:a PeerListenRanges:a PeerLocalSubnetsOnly:b
  PersonalCacheLimit:i Port:i PublicRanges:a ManagementStatusTarget ManagementSecurityConfig
  ManagementReportingInterval:i ManagementStatusCertificateReference
configuration.diskmanagement.settings
  @ m15.0/S/s
  Restrictions:d
configuration.extensible-sso
  @ i27.0/SDU/s/u m27.0/SU/su v27.0/SDU/s
  ExtensionComposedIdentifier* Type* Realm ExtensionData:d URLs:a Hosts:a
  DeniedBundleIdentifiers:a ScreenLockedBehavior PlatformSSO:d
configuration.external-intelligence.settings
  @ i26.4/S/s m26.4/S/su v26.4/S/s
  Enabled:b AllowSignIn:b AllowedWorkspaceIDs:a
configuration.intelligence.settings
  @ i26.4/S/s m26.4/S/su v26.4/S/s
  AllowAppleIntelligenceReport:b AllowGenmoji:b AllowImagePlayground:b AllowImageWand:b
  AllowPersonalizedHandwritingResults:b AllowVisualIntelligenceSummary:b AllowWritingTools:b
  Apps:d ForceOnDeviceOnlyDictation:b ForceOnDeviceOnlyTranslation:b
configuration.keyboard.settings
  @ i26.4/S/s/u m26.4/S/su
  AllowAutoCorrection:b AllowDefinitionLookup:b AllowDictation:b AllowMathKeyboardSuggestions:b
  AllowPredictiveText:b AllowSlideToType:b AllowSpellCheck:b AllowTextReplacement:b
configuration.legacy
  @ i15.0/SDU/s/su m13.0/SU/su t16.0/SD/s v1.1/SDU/s w10.0/S/s
  ProfileURL ProfileAssetReference
configuration.legacy.interactive
  @ i15.0/SDU/s m13.0/SU/su t16.0/SD/s v1.1/SDU/s
  ProfileURL VisibleName* ProfileAssetReference
configuration.management.status-subscriptions
  @ i15.0/SDU/s/su m13.0/SU/su t16.0/SD/s v1.1/SDU/s w10.0/S/s
  StatusItems*:a
configuration.management.test
  @ i15.0/SDU/s/su m13.0/SU/su t16.0/SD/s v1.1/SDU/s w10.0/S/s
  Echo* EchoDataAssetReference ReturnStatus
configuration.math.settings
  @ i18.0/S/s/u m15.0/S/u
  Calculator:d SystemBehavior:d
configuration.migration-assistant.settings
  @ m26.4/S/s
  ShouldDoManagedMigration*:b ExcludedAccounts:a ExcludedPaths:a RequiredPaths:a
  ShouldMigrateSecurityPrivacySettings*:b
configuration.network.dns-proxy
  @ i27.0/SDU/s m27.0/S/s v27.0/SDU/s
  VisibleName* AppBundleIdentifier* ProviderComposedIdentifier ProviderConfiguration:d
  DNSProxyUUID
configuration.network.dns-settings
  @ i27.0/SD/s m27.0/S/s v27.0/SD/s
  VisibleName* DNSSettings*:d OnDemandRules:a ProhibitDisablement:b
configuration.network.relay
  @ i27.0/SDU/s/u m27.0/SU/s v27.0/SDU/s
  VisibleName* Relays*:a MatchDomains:a ExcludedDomains:a MatchFQDNs:a ExcludedFQDNs:a RelayUUID
  UIToggleEnabled:b AllowDNSFailover:b
configuration.network.vpn.always-on
  @ i27.0/SD/s v27.0/SD/s
  VisibleName* UIToggleEnabled:b TunnelConfigurations*:a ServiceExceptions:a
  ApplicationExceptions:a AllowCaptiveWebSheet:b AllowAllCaptiveNetworkPlugins:b
  AllowedCaptiveNetworkPlugins:a DNS:d Proxies:d
configuration.network.vpn.ikev2
  @ i27.0/SD/s m27.0/S/su t27.0/SD/s v27.0/SD/s
  VisibleName* HostName* LocalIdentifier* RemoteIdentifier* Authentication*:d Provider:d
  NetworkRouting:d Idle:d OnDemand:d UseConfigurationAttributeInternalIPSubnet:b DisableMOBIKE:b
  DisableRedirect:b EnableNATKeepAliveOffload:b NATKeepAliveInterval:i EnablePFS:b
  EnableCertificateRevocationCheck:b EnableFallback:b MTU:i EnforceStrictAlgorithmSelection:b
  PostQuantumKeyExchange:d IKESecurityAssociationParameters:d
  ChildSecurityAssociationParameters:d DNS:d Proxies:d
configuration.network.vpn.ipsec
  @ i27.0/SD/s m27.0/S/s v27.0/SD/s
  VisibleName* HostName* OverridePrimary:b Authentication*:d Idle:d OnDemand:d DNS:d Proxies:d
configuration.network.vpn.vpn-plugin
  @ i27.0/SD/s m27.0/S/s t27.0/SD/s v27.0/SD/s
  VisibleName* HostName* SubType* VendorConfig:d Authentication*:d Provider:d NetworkRouting:d
  Idle:d OnDemand:d DNS:d Proxies:d
configuration.package
  @ m26.0/S/s
  ManifestURL* InstallBehavior:d UninstallBehavior:d
configuration.passcode.settings
  @ i15.0/SDU/s m13.0/S/su v2.0/SDU/s w10.0/S/s
  RequirePasscode:b RequireAlphanumericPasscode:b RequireComplexPasscode:b MinimumLength:i
  MinimumComplexCharacters:i MaximumFailedAttempts:i FailedAttemptsResetInMinutes:i
  MaximumGracePeriodInMinutes:i MaximumInactivityInMinutes:i MaximumPasscodeAgeInDays:i
  PasscodeReuseLimit:i ChangeAtNextAuth:b CustomRegex:d
configuration.safari.bookmarks
  @ i26.0/SD/s/u m26.0/S/u v26.0/SD/s
  ManagedBookmarks:a
configuration.safari.extensions.settings
  @ i18.0/S/s/u m15.0/S/u v26.0/S/s
  ManagedExtensions:d
configuration.safari.settings
  @ i26.0/SD/s/u m26.0/S/u v26.0/SD/s
  AcceptCookies AllowDisablingFraudWarning:b AllowHistoryClearing:b AllowJavaScript:b
  AllowPrivateBrowsing:b AllowPopups:b AllowSummary:b NewTabStartPage:d Privacy:d
configuration.screensharing.connection
  @ m14.0/SU/su
  ConnectionUUID* DisplayName* HostName* Port:i DisplayConfiguration*:d
  AuthenticationCredentialsAssetReference
configuration.screensharing.connection.group
  @ m14.0/SU/su
  ConnectionGroupUUID* GroupName* Members*:a
configuration.screensharing.host.settings
  @ m14.0/S/s
  MaximumVirtualDisplays:i PortBase:i PreventCopyFilesFromHost:b PreventCopyFilesToHost:b
  PreventHighPerformanceConnections:b
configuration.security.certificate
  @ i17.0/SDU/s/su m14.0/SU/su t17.0/SD/s v1.1/SDU/s w10.0/S/s
  CredentialAssetReference*
configuration.security.identity
  @ i17.0/SDU/s/su m14.0/SU/su t17.0/SD/s v1.1/SDU/s w10.0/S/s
  CredentialAssetReference* AllowAllAppsAccess:b KeyIsExtractable:b
configuration.security.passkey.attestation
  @ i17.0/SD/s m14.0/S/u
  AttestationIdentityAssetReference* AttestationIdentityKeyIsExtractable:b RelyingParties*:a
configuration.services.background-tasks
  @ m15.0/S/s
  TaskType* TaskDescription ExecutableAssetReference LaunchdConfigurations:a
configuration.services.configuration-files
  @ m14.0/S/s
  ServiceType* DataAssetReference*
configuration.siri.settings
  @ i26.4/S/s/u m26.4/S/su t27.0/S/s v26.4/S/s w26.4/S/s
  Enabled:b AllowUserGeneratedContent:b AllowWhileLocked:b ForceProfanityFilter:b
configuration.softwareupdate.enforcement.specific
  @ i17.0/SD/s m14.0/S/s t18.4/SD/s v26.0/SD/s
  TargetOSVersion* TargetBuildVersion TargetLocalDateTime* DetailsURL
configuration.softwareupdate.settings
  @ i18.0/SD/s m15.0/S/s t18.4/SD/s v26.0/SD/s
  Notifications:b Deferrals:d RecommendedCadence AutomaticActions:d RapidSecurityResponse:d
  AllowStandardUserOSUpdates:b Beta:d
configuration.watch.enrollment
  @ i17.0/S/s
  EnrollmentProfileURL* AnchorCertificateAssetReferences:a
configuration.webcontent-filter.plugin
  @ i27.0/SDU/s m27.0/S/s v27.0/SDU/s
  VisibleName* PluginBundleID* ContentFilterUUID ServerAddress Organization VendorConfig:d
  Authentication:d Filter:d
management.organization-info
  @ i15.0 m13.0 t16.0 v1.1 w10.0
  Name* Email URL Proof:d
management.properties
  @ i16.0 m13.0 t16.0 v1.1 w10.0
  ANY
management.server-capabilities
  @ i15.0 m13.0 t16.0 v1.1 w10.0
  Version* SupportedFeatures*:d
"""

STATUS_ITEMS = """\
account.list.caldav
  @ i16.0/SDU/s/u m13.0/SU/u v1.1/SDU/s
account.list.carddav
  @ i16.0/SDU/s/u m13.0/SU/u v1.1/SDU/s
account.list.exchange
  @ i16.0/SDU/s/u m13.0/SU/u v1.1/SDU/s
account.list.google
  @ i16.0/SDU/s/u m13.0/SU/u v1.1/SDU/s
account.list.ldap
  @ i16.0/SDU/s/u m13.0/SU/u v1.1/SDU/s
account.list.mail.incoming
  @ i16.0/SDU/s/u m13.0/SU/u v1.1/SDU/s
account.list.mail.outgoing
  @ i16.0/SDU/s/u m13.0/SU/u v1.1/SDU/s
account.list.subscribed-calendar
  @ i16.0/SDU/s/u m14.0/SU/u v1.1/SDU/s
app.managed.list
  @ i17.2/SDU/s m26.0/SU/su v2.4/SDU/s
device.identifier.serial-number
  @ i16.0/SD/s/su m13.0/S/su t16.0/SD/s v1.1/SD/s w10.0/S/s
device.identifier.udid
  @ i16.0/SD/s/su m13.0/S/su t16.0/SD/s v1.1/SD/s w10.0/S/s
device.model.family
  @ i15.0/SDU/s/su m13.0/SU/su t16.0/SD/s v1.1/SDU/s w10.0/S/s
device.model.identifier
  @ i15.0/SDU/s/su m13.0/SU/su t16.0/SD/s v1.1/SDU/s w10.0/S/s
device.model.marketing-name
  @ i15.0/SDU/s/su m13.0/SU/su t16.0/SD/s v1.1/SDU/s w10.0/S/s
device.model.number
  @ i17.0/SDU/s/su m14.0/SU/su t17.0/SD/s v1.1/SDU/s w10.0/S/s
device.operating-system.build-version
  @ i15.0/SDU/s/su m13.0/SU/su t16.0/SD/s v1.1/SDU/s w10.0/S/s
device.operating-system.family
  @ i15.0/SDU/s/su m13.0/SU/su t16.0/SD/s v1.1/SDU/s w10.0/S/s
device.operating-system.marketing-name
  @ i15.0/SDU/s/su m13.0/SU/su t16.0/SD/s v1.1/SDU/s w10.0/S/s
device.operating-system.supplemental.build-version
  @ i16.1/SDU/s/su m13.0/SU/su t16.1/SD/s v1.1/SDU/s w10.0/S/s
device.operating-system.supplemental.extra-version
  @ i16.1/SDU/s/su m13.0/SU/su t16.1/SD/s v1.1/SDU/s w10.0/S/s
device.operating-system.version
  @ i15.0/SDU/s/su m13.0/SU/su t16.0/SD/s v1.1/SDU/s w10.0/S/s
device.power.battery-health
  @ i17.0/SD/s m14.4/S/s
diskmanagement.filevault.enabled
  @ m14.0/S/s
management.client-capabilities
  @ i15.0/SDU/s/su m13.0/SU/su t16.0/SD/s v1.1/SDU/s w10.0/S/s
management.declarations
  @ i15.0/SDU/s/su m13.0/SU/su t16.0/SD/s v1.1/SDU/s w10.0/S/s
mdm.app
  @ i16.0/SDU/s/su t16.0/SD/s v1.1/SDU/s w10.0/S/s
package.list
  @ m26.0/S/s
passcode.is-compliant
  @ i16.0/SDU/s/su v1.1/SDU/s w10.0/S/s
passcode.is-present
  @ i16.0/SDU/s/su v1.1/SDU/s w10.0/S/s
screensharing.connection.group.unresolved-connection
  @ m14.1/SU/su
security.certificate.list
  @ i17.0/SDU/s/su m14.0/SU/su t17.0/SD/s v1.1/SDU/s w10.0/S/s
services.background-task
  @ m14.0/S/s
softwareupdate.beta-enrollment
  @ i18.0/SD/s m15.0/S/s
softwareupdate.device-id
  @ i18.0/SD/s m15.0/S/s
softwareupdate.failure-reason
  @ i17.0/SD/s m14.0/S/s
softwareupdate.install-reason
  @ i17.0/SD/s m14.0/S/s
softwareupdate.install-state
  @ i17.0/SD/s m14.0/S/s
softwareupdate.pending-version
  @ i17.0/SD/s m14.0/S/s
test.array-value
  @ i16.0/SDU/s/su m13.0/SU/su t16.0/SD/s v1.1/SDU/s w10.0/S/s
test.boolean-value
  @ i16.0/SDU/s/su m13.0/SU/su t16.0/SD/s v1.1/SDU/s w10.0/S/s
test.dictionary-value
  @ i16.0/SDU/s/su m13.0/SU/su t16.0/SD/s v1.1/SDU/s w10.0/S/s
test.error-value
  @ i16.0/SDU/s/su m13.0/SU/su t16.0/SD/s v1.1/SDU/s w10.0/S/s
test.integer-value
  @ i16.0/SDU/s/su m13.0/SU/su t16.0/SD/s v1.1/SDU/s w10.0/S/s
test.real-value
  @ i16.0/SDU/s/su m13.0/SU/su t16.0/SD/s v1.1/SDU/s w10.0/S/s
test.string-value
  @ i16.0/SDU/s/su m13.0/SU/su t16.0/SD/s v1.1/SDU/s w10.0/S/s
"""
