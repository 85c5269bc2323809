// Stands in for the phone under Node: what @segment/analytics-react-native asks of React Native itself, and no more.
// The SDK is the package as published; only the platform below it is not a phone.

const context = {
  appName: 'Store app',
  appVersion: '1.2.3',
  buildNumber: '45',
  bundleId: 'jp.example.store',
  locale: 'ja-JP',
  networkType: 'wifi',
  osName: 'Android',
  osVersion: '15',
  screenHeight: 2400,
  screenWidth: 1080,
  timezone: 'Asia/Tokyo',
  manufacturer: 'Google',
  model: 'Pixel 9',
  deviceName: 'tokay',
  deviceId: 'f3c1a0b2d4e5',
  deviceType: 'android',
  screenDensity: 2.6,
};

const silent = { remove() {} };

module.exports = {
  AppState: { currentState: 'active', addEventListener: () => silent },
  NativeEventEmitter: class {
    addListener() {
      return silent;
    }
  },
  NativeModules: { AnalyticsReactNative: { getContextInfo: async () => context }, Sovran: {} },
  Platform: { OS: 'android', select: (choices) => choices.android ?? choices.default },
};
